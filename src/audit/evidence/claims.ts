/**
 * Each thing that a publication claims, with the one command that checks it and what that prints when it is so. Written into
 * VERIFY.txt and the page, and run by test/audit/evidence.test.ts as it is printed.
 *
 * Commands are of coreutils, OpenSSL 3 and grep wherever these can do it: the fewer of our own programs have to be believed, the
 * better. They run in the publication's folder; `$ROOT` is the root.json that the reader trusts, from elsewhere.
 */
import { toBase64 } from '../../base/base64.ts';
import { fromUtf8, toBase64url } from '../../base/bytes.ts';
import type { EntryFleet, EntryNode } from '../../fleet/entry.ts';
import { openCheckpoint } from '../../log/checkpoint.ts';
import { parseProof } from '../../log/proof.ts';
import { COSIGNATURE_KEY } from '../../log/vkey.ts';
import { isoTime } from '../../trust/continuity.ts';
import { FRESHNESS_MS } from '../../trust/log-checks.ts';
import { lastSignedBy, signingFleets } from '../../trust/signed-entry.ts';
import { hash } from '../../wire/signed.ts';
import { OUTCOMES } from '../report.ts';
import { nodeFolder, type Signer } from './derived.ts';
import { inclusionCommand } from './inclusion-command.ts';
import { BUNDLE_FILE, certificateFile, LIST_FILE, LIST_NOTE_FILE, PAGE_FILE, PREVIOUS_FILE, type Publication } from './publication.ts';
import { UNSIGNED } from './words.ts';

export interface Claim {
  readonly what: string;
  readonly command: string;
  /** What the command prints, line by line. */
  readonly expect: readonly string[];
  /** To be known besides. */
  readonly note?: string;
  /** Takes long, and what the recipe asks for: the expected lines are the last that it prints. */
  readonly slow?: true;
}

export interface Section {
  readonly title: string;
  readonly claims: readonly Claim[];
}

const VERIFIED = 'Signature Verified Successfully';

export function claimsOf(publication: Publication): readonly Section[] {
  return [
    { title: 'All at once', claims: [wholeFolder(publication)] },
    { title: 'The files', claims: fileClaims(publication) },
    { title: 'The log, and who vouches for it', claims: logClaims(publication) },
    { title: 'The entry', claims: entryClaims(publication) },
    { title: "The nodes' keys and tokens", claims: nodeClaims(publication) },
    { title: 'How the keys came about', claims: transcriptClaims(publication) },
    { title: 'The code', claims: codeClaims(publication) },
    { title: 'What answers now', claims: liveClaims(publication) },
  ].filter(({ claims }) => claims.length > 0);
}

/** What is put into a command is data: it must not be read as anything else by a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const simulated = ({ about }: Publication): string => (about.development ? ' --allow-simulated' : '');
const authorities = ({ about }: Publication): string => (about.authorities === undefined ? '' : ` --ca ${about.authorities}`);

function until({ derived }: Publication): string {
  const times = derived.signers.flatMap(({ time }) => time ?? []);
  const ends = isoTime(Math.min(...times) * 1000 + FRESHNESS_MS);
  return `Until ${ends}. After that it says STALE and ends with 3: then look for a newer publication.`;
}

function wholeFolder(publication: Publication): Claim {
  return {
    what: 'All that is below, except what answers now, in one go: leave out "| grep" to see each check by name, and what it does not prove.',
    command: `holdfast verify . --root "$ROOT"${simulated(publication)} | grep '^${publication.about.signer === undefined ? 'COULD NOT TELL' : 'GOOD'}'`,
    expect: [publication.about.signer === undefined ? OUTCOMES.unknown : OUTCOMES.good],
    note: until(publication),
  };
}

/** What the operator's key signed is put together aside: nothing may be put into this folder. */
const SIGNED_LIST = [
  'here=$(mktemp -d)',
  `sed -n 's/^— [^ ]* //p' ${LIST_NOTE_FILE} | base64 -d | tail -c 72 > $here/timed`,
  'tail -c 64 $here/timed > $here/sig',
  `(printf 'cosignature/v1\\ntime %s\\n' $((0x$(head -c 8 $here/timed | od -An -v -tx1 | tr -d ' \\n'))); sed '/^$/,$d' ${LIST_NOTE_FILE}) > $here/text`,
  'openssl pkeyutl -verify -pubin -inkey signatures/operator.pem -rawin -in $here/text -sigfile $here/sig',
].join('; ');

function listClaims({ about }: Publication): readonly Claim[] {
  if (about.signer === undefined) return [];
  return [
    {
      what: 'The note that the operator signed names that list, by its digest.',
      command: `grep -c "^$(sha256sum ${LIST_FILE} | cut -c1-64)$" ${LIST_NOTE_FILE}`,
      expect: ['1'],
    },
    {
      what: 'The operator signed that note, with the key that countersigns the log; further below it is compared with the root.',
      command: SIGNED_LIST,
      expect: [VERIFIED],
    },
  ];
}

function fileClaims(publication: Publication): readonly Claim[] {
  const { about, files } = publication;
  const page = files.get(PAGE_FILE);
  return [
    {
      what: 'Every file is as it was listed when this was published.',
      command: `sha256sum --check --quiet --strict ${LIST_FILE} && echo as listed`,
      expect: ['as listed'],
      ...(about.signer === undefined && { note: UNSIGNED }),
    },
    ...listClaims(publication),
    {
      what: 'The list is the one that the feed announced. Compare with the feed as you, or others, got it at the time.',
      command: `grep -c "$(sha256sum ${LIST_FILE} | cut -c1-64)" ../feed.xml`,
      expect: ['1'],
    },
    ...(about.previous === undefined
      ? []
      : [
          {
            what: 'It follows the publication before, whose list nobody changed since.',
            command: `sha256sum --check ${PREVIOUS_FILE}`,
            expect: [`../${about.previous.folder}/${LIST_FILE}: OK`],
          },
        ]),
    ...(page === undefined
      ? []
      : [
          {
            what: 'The page that verifies in a browser is the one that was built from the sources (npm run verify-page prints this digest).',
            command: `sha256sum ${PAGE_FILE} | cut -c1-64`,
            expect: [hash(page)],
          },
        ]),
  ];
}

function rootFile({ bundle, root }: Publication): string {
  return bundle.roots.length === 0 ? '"$ROOT"' : `roots/${root.version}.root.json`;
}

/** @param member of root.json that holds the key alone; in a list there is none */
function keyClaim(publication: Publication, { file, vkey }: Signer, who: string, member?: string): Claim {
  const type = vkey.type === COSIGNATURE_KEY ? '004' : '001';
  const key = `$( (printf '\\${type}'; openssl pkey -pubin -in signatures/${file}.pem -outform DER | tail -c 32) | base64)`;
  const before = member === undefined ? '"' : `"${member}":"`;
  const chained = publication.bundle.roots.length > 0;
  return {
    what: `The key of ${who} is the one in the root.`,
    command: `grep -c -F ${quoted(`${before}${vkey.name}+${vkey.keyId}+`)}"${key}" ${rootFile(publication)}`,
    expect: ['1'],
    ...(chained && { note: 'The roots were renewed: "holdfast verify" checks that the newest follows from yours (check "roots").' }),
  };
}

function verifyCommand({ file, text }: Signer): string {
  return `openssl pkeyutl -verify -pubin -inkey signatures/${file}.pem -rawin -in ${text} -sigfile signatures/${file}.sig`;
}

function logClaims(publication: Publication): readonly Claim[] {
  const { derived, bundle, root } = publication;
  const proof = parseProof(bundle.proof);
  const { size, root: hashOfTree } = openCheckpoint(proof.checkpoint, root.log);
  const [log, ...rest] = derived.signers.filter(({ file }) => !file.startsWith('release-'));
  return [
    ...(log === undefined
      ? []
      : [
          keyClaim(publication, log, 'the log', 'log'),
          { what: 'The log signed its tree.', command: verifyCommand(log), expect: [VERIFIED] },
        ]),
    ...rest.flatMap((one) => cosignerClaims(publication, one)),
    {
      what: `The entry is in that tree, as number ${proof.index} of ${size} (from 0): hashed up to its root, as RFC 9162 says.`,
      command: inclusionCommand({ index: proof.index, size, hashes: proof.hashes }),
      expect: [toBase64(hashOfTree)],
      note: 'It is the third line of checkpoint.text.',
    },
  ];
}

function cosignerClaims(publication: Publication, one: Signer): readonly Claim[] {
  const { file, vkey, time = 0 } = one;
  const member = file === 'witness' || file === 'operator' ? file : undefined;
  const who = member === undefined ? `a third party (${vkey.name})` : `the ${member} (${vkey.name})`;
  return [
    keyClaim(publication, one, who, member),
    {
      what: `${who.charAt(0).toUpperCase()}${who.slice(1)} cosigned that tree.`,
      command: `tail -n +3 ${one.text} | cmp - checkpoint.text && ${verifyCommand(one)}`,
      expect: [VERIFIED],
    },
    {
      what: 'And when: this is in what was signed.',
      command: `date -u -d "@$(sed -n 's/^time //p' ${one.text})" +%Y-%m-%dT%H:%M:%SZ`,
      expect: [isoTime(time * 1000)],
    },
  ];
}

function entryClaims(publication: Publication): readonly Claim[] {
  const { derived, entry, bundle } = publication;
  const releases = derived.signers.filter(({ file }) => file.startsWith('release-'));
  return [
    {
      what: 'The digest of the entry, by which everything else names it.',
      command: 'head -c -1 entry.json | sha256sum | cut -c1-64',
      expect: [entry.digest],
    },
    {
      what: 'What is in the log begins with this very line.',
      command: 'head -n 1 entry.note | cmp - entry.json && echo the same line',
      expect: ['the same line'],
    },
    {
      what: 'The digest of the bundle, which nodes serve at /v1/bundle.',
      command: `tr -d '\\n' < ${BUNDLE_FILE} | sha256sum | cut -c1-64`,
      expect: [bundle.digest],
    },
    ...releases.flatMap((one) => [
      keyClaim(publication, one, `who releases entries (${one.vkey.name})`),
      { what: `${one.vkey.name} released the entry for the operator.`, command: verifyCommand(one), expect: [VERIFIED] },
    ]),
  ];
}

/** As the entry spells a key, from its PEM. */
const spelledKey = (file: string): string =>
  `openssl pkey -pubin -in ${file} -outform DER -ec_conv_form compressed | tail -c 33 | base64 | tr '+/' '-_'`;

function nodeClaims(publication: Publication): readonly Claim[] {
  const { entry, about } = publication;
  const fleets = signingFleets(entry);
  const tokens = entry.fleets.flatMap(({ nodes }) =>
    nodes.map(({ token: { model, class: kind, simulated: is } }) => JSON.stringify({ model, class: kind, simulated: is })),
  );
  return [
    {
      what: 'The tokens that the entry names, node by node: model, where its objects live ("host": files on the host), and whether it is simulated.',
      command: `grep -o '"token":{[^}]*}' entry.json`,
      expect: tokens.map((one) => `"token":${one}`),
      ...(about.development && { note: 'SIMULATED TOKENS PROTECT NOTHING. This fleet is for development.' }),
    },
    ...fleets.flatMap((fleet) => fleet.nodes.flatMap((node) => ofNode(publication, fleet, node))),
  ];
}

function ofNode({ about, files }: Publication, fleet: EntryFleet, node: EntryNode): readonly Claim[] {
  const folder = nodeFolder(fleet.fleet.id, node.name);
  const { name, attestation } = node;
  const keys = (['identity', 'sealing'] as const).map((role) => ({
    what: `The ${role} key of ${name} stands in the entry.`,
    command: `grep -c -F "\\"${role}Key\\":\\"$(${spelledKey(`${folder}/${role}.pem`)})\\"" entry.json`,
    expect: ['1'],
  }));
  const last = lastSignedBy(fleet, node);
  const digest = last === undefined ? '"$(head -c -1 entry.json | sha256sum | cut -c1-64)"' : last;
  const signature = {
    what:
      last === undefined
        ? `${name} signed, in its token, that this entry is true of it: the statement ends with the digest of the entry.`
        : `${name} IS ABSENT, says the entry. It signed an earlier entry, under the same keys: the statement ends with the digest of that one.`,
    command: `grep -q -a -F holdfast/v1/node/fleet-entry ${folder}/entry.statement && test "$(tail -c 32 ${folder}/entry.statement | od -An -v -tx1 | tr -d ' \\n')" = ${digest} && openssl dgst -sha256 -verify ${folder}/identity.pem -signature ${folder}/entry.sig ${folder}/entry.statement`,
    expect: ['Verified OK'],
  };
  const certificate = certificateFile(fleet.fleet.id, name);
  const transcript = about.transcripts.find((one) => one.fleet === fleet.fleet.id);
  const attested = attestation && fileWith(files, attestation.digest);
  return [
    ...keys,
    signature,
    ...(about.certificates.includes(certificate) && transcript !== undefined
      ? [
          {
            what: `The TLS certificate that ${name} showed is for a key that its ceremony read back from the token. (No trust in its answers rests on TLS.)`,
            command: `grep -c -F "\\"publicKey\\":\\"$(openssl x509 -in ${certificate} -noout -pubkey | openssl pkey -pubin -outform DER -ec_conv_form compressed | tail -c 33 | base64 | tr '+/' '-_')\\"" ${transcript.file}`,
            expect: ['1'],
          },
        ]
      : []),
    ...(attestation === undefined || attested === undefined
      ? []
      : [
          {
            what: `What the maker of ${name}'s token signed about its sealing key (${attestation.format}) is the file that the entry names. Check the maker's signature by the maker's own instructions.`,
            command: `grep -c "\\"attestation\\":{\\"format\\":\\"[^\\"]*\\",\\"digest\\":\\"$(sha256sum ${quoted(attested)} | cut -c1-64)\\"" entry.json`,
            expect: ['1'],
          },
        ]),
  ];
}

function fileWith(files: Publication['files'], digest: string): string | undefined {
  return [...files].find(([path, bytes]) => path.startsWith('files/') && hash(bytes) === digest)?.[0];
}

function transcriptClaims({ about, entry, files }: Publication): readonly Claim[] {
  return about.transcripts.flatMap(({ fleet, file }) => {
    const bytes = files.get(file);
    const listed = entry.fleets.find((one) => one.fleet.id === fleet);
    if (bytes === undefined || listed === undefined) return [];
    const text = fromUtf8(bytes);
    const named = entry.line.includes(hash(bytes));
    return [
      {
        what: named
          ? 'The transcript of the ceremony is the file that the entry names.'
          : 'The transcript of the ceremony. The entry does not name it, so it is published beside it; what it shows is checked below.',
        command: named ? `grep -c "$(sha256sum ${quoted(file)} | cut -c1-64)" entry.json` : `sha256sum ${quoted(file)} | cut -c1-64`,
        expect: [named ? '1' : hash(bytes)],
      },
      {
        what: 'It is whole, its plan is a known one, every condition held, everybody signed who had to, and this fleet follows from the keys it read back.',
        command: `holdfast ceremony verify --transcript ${quoted(file)} | grep '^Fleet:'`,
        expect: [`Fleet:                    ${fleet}`],
        note: 'Without "| grep" it names the people who signed, and exceptions. --signer NAME=KEY compares with a key that you know of one of them.',
      },
      ...listed.nodes.map(({ name, sealingKey }) => ({
        what: `The sealing key of ${name}, for which people's devices seal, was read back from a token there.`,
        command: `grep -c -F "\\"publicKey\\":\\"$(${spelledKey(`${nodeFolder(fleet, name)}/sealing.pem`)})\\"" ${quoted(file)}`,
        expect: [String(text.split('\n').filter((line) => line.includes(`"publicKey":"${toBase64url(sealingKey)}"`)).length)],
      })),
    ];
  });
}

function codeClaims({ entry }: Publication): readonly Claim[] {
  const all = signingFleets(entry).flatMap(({ measurements }) => measurements);
  const different = all.filter(({ digest }, i) => all.findIndex((one) => one.digest === digest) === i);
  return different.map(({ digest, rebuild }) => ({
    what: `The code ${digest}, which nodes may run, is built from the sources that you can read.`,
    command: rebuild,
    expect: [digest],
    note: 'Takes minutes; the last line that it prints names this digest. That a node runs it is what the node says.',
    slow: true,
  }));
}

function liveClaims(publication: Publication): readonly Claim[] {
  const { about } = publication;
  const trusting = `--root "$ROOT"${authorities(publication)}`;
  return [
    {
      what: 'Every node signs, in its token and over a number that you just drew, that it serves this entry, and says what code it runs.',
      command: `holdfast verify ${BUNDLE_FILE} --live ${trusting}${simulated(publication)} | grep '^GOOD'`,
      expect: [OUTCOMES.good],
      note: 'Once a newer entry is in force the nodes serve that one, and this says BAD: look for the newest publication.',
    },
    {
      what: 'The whole log, replayed: every entry, in order, none changed, and what each of them changed.',
      command: `holdfast log audit --log ${quoted(about.log)} ${trusting} | grep '^GOOD'`,
      expect: [OUTCOMES.good],
      note: 'Keep what you saw (--seen) and compare it with others (--mirror): a log that shows two people two pasts is found out only so.',
    },
  ];
}
