/**
 * Signing keys in tokens of their own (of releases of the code, of fleet entries, of the operator's countersignatures), and the
 * signature of a release by the first kind. A witness's token is made here too, for the custody of its PIN; the keys of log and witness
 * are made in it by "holdfast witness setup", with the record that belongs to them. What is signed is a note (src/release/note.ts) that names the measurement, so that everyone in the room can compare it with what they built themselves. Keys that exist are opened by their custodians' cards.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { fromBase64url, isId, toBase64url, toId, utf8 } from '../../base/bytes.ts';
import { formatNote } from '../../log/note.ts';
import { COSIGNATURE_KEY, makeVkey, NOTE_KEY, type Vkey, type VkeyType, verifyEd25519 } from '../../log/vkey.ts';
import { noteText } from '../../release/note.ts';
import { CODE_KEY, type KeySpec } from '../../token/index.ts';
import { type Earlier, type Kind, namesIn, placesOf } from '../kind.ts';
import { coversTokens, EVERYONE_ONCE, hasEveryoneOnce, roomParameters, TOKENS_COVERED } from '../people.ts';
import { place } from '../places.ts';
import type { Known, Plan, Step } from '../plan.ts';
import type { RehearsalRoom } from '../rehearsal.ts';
import type { CeremonySite } from '../site.ts';
import { earlierRoom } from './earlier-fleet.ts';
import { asFacts, filled, parametersOf } from './parameters.ts';
import { closing, custodyProof, handover, knownToken, OPENING, opening, PROOF, unlocking } from './room-steps.ts';
import { keyStepOf, signingKey, signingKeyOf, signingToken, triedStep } from './signing-token.ts';
import { releaseSigningTemplate } from './templates.ts';
import { keyConditions, open, tokenStep } from './token-keys.ts';

/** What a key is for: its label in the token, the type of its vkey, and in words. */
const PURPOSES: Readonly<Record<string, readonly [spec: KeySpec, type: VkeyType, words: string]>> = {
  code: [CODE_KEY, NOTE_KEY, 'that signs releases of the code'],
  entries: [{ label: 'holdfast-release', kind: 'ed25519' }, NOTE_KEY, 'that signs fleet entries'],
  operator: [{ label: 'holdfast-operator', kind: 'ed25519' }, COSIGNATURE_KEY, 'by which the operator countersigns'],
};
const purposes = ['code', 'entries', 'operator', 'witness'] as const;

const token = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
  /** In its vkey, as others name it: example.org/holdfast-code. A witness's keys are named where they are made. */
  keyName: filled.optional(),
  for: z.enum(purposes),
  /** Of a key that exists: its vkey. */
  vkey: z.string().optional(),
  token: place,
});

const parameters = z
  .strictObject({
    ...roomParameters,
    keys: z.enum(['make', 'there']),
    tokens: z.array(token).min(1).max(16),
    /** What is signed, with every key that is for code. */
    release: z
      .strictObject({ version: filled, platform: filled, measurement: z.string().refine(isId, 'expected 64 hex digits') })
      .optional(),
  })
  .refine(hasEveryoneOnce, EVERYONE_ONCE)
  .refine((chosen) => coversTokens(chosen, namesIn(chosen.tokens)), TOKENS_COVERED)
  .refine(({ tokens }) => new Set(tokens.map(({ name }) => name)).size === tokens.length, 'every token has another name')
  .refine(
    ({ tokens }) => tokens.every((one) => (one.for === 'witness') === (one.keyName === undefined)),
    'expected keyName, the name of the key in each token; a token for a witness has none',
  )
  .refine(
    ({ keys, tokens }) => keys === 'make' || tokens.every((one) => one.for !== 'witness'),
    "a witness's token is opened by the witness itself: name only tokens whose keys sign here",
  )
  .refine(({ keys, release }) => keys === 'make' || release !== undefined, 'expected keys to make, or a release to sign')
  .refine(
    ({ keys, tokens }) => keys === 'make' || tokens.every(({ vkey }) => vkey !== undefined),
    'expected the vkey of every key that is there',
  )
  .refine(
    ({ release, tokens }) => release === undefined || tokens.some((one) => one.for === 'code'),
    'a release is signed by keys for code',
  );

type ReleaseSigning = z.output<typeof parameters>;
type AnyToken = ReleaseSigning['tokens'][number];
/** One whose key is made or used here. */
type SigningToken = AnyToken & { readonly keyName: string };
const read = parametersOf(parameters);
const hasKey = (one: AnyToken): one is SigningToken => one.keyName !== undefined;

const specOf = (one: SigningToken): KeySpec => (PURPOSES[one.for] as (typeof PURPOSES)[string])[0];
const wordsOf = (one: SigningToken): string => (PURPOSES[one.for] as (typeof PURPOSES)[string])[2];
function vkeyOf(one: SigningToken, known: Known): Vkey {
  return makeVkey(one.keyName, (PURPOSES[one.for] as (typeof PURPOSES)[string])[1], signingKeyOf(known, one.name));
}

function releaseSigning(value: unknown): Plan<CeremonySite> {
  const chosen = read(value);
  const names = namesIn(chosen.tokens);
  const keyed = chosen.tokens.filter(hasKey);
  const signers = chosen.release === undefined ? [] : keyed.filter((one) => one.for === 'code');
  return {
    name: 'release-signing',
    title: `Signing keys: ${chosen.ceremony}`,
    people: { ...chosen.people, custodians: chosen.custody.custodians },
    parameters: asFacts(chosen),
    steps: [
      opening(chosen),
      ...(chosen.keys === 'make' ? making(chosen, names) : [unlocking(chosen, names), ...keyed.flatMap(thereIs)]),
      ...(chosen.release === undefined ? [] : [heard(chosen.release), ...signers.map((one) => signing(one, textOf(chosen)))]),
      closing([
        ...(chosen.keys === 'make' ? [PROOF] : []),
        ...namesIn(keyed).map(chosen.keys === 'make' ? triedStep : keyStepOf),
        ...signers.map(({ name }) => signatureStep(name)),
      ]),
    ],
    afterwards: [
      ...(chosen.keys === 'make' ? chosen.tokens.map((one) => whereTo(one, chosen.ceremony)) : []),
      ...(chosen.release === undefined
        ? []
        : ['manifest.note: as ARCHIVE.note beside the archive, and in the folder where it is installed']),
    ],
  };
}

/** Who is given a key, or the token alone. */
function whereTo(one: AnyToken, ceremony: string): string {
  const opened = `is opened by the cards of "${ceremony}" (pin.custodians)`;
  if (!hasKey(one))
    return `the token ${one.name}: to the witness (token in its configuration), and ${opened}; "holdfast witness setup" makes the keys in it`;
  const to = {
    code: 'in the key file of the launcher (/etc/holdfast/release-keys) at every node',
    entries: `in the roots (release.keys of root-keys); its token is one of the operator's (release in its configuration), and ${opened}`,
    operator: `in the roots (operator of root-keys); its token is the operator's (token in its configuration), and ${opened}`,
  }[one.for as 'code' | 'entries' | 'operator'];
  return `the line of ${one.keyName} in keys.vkey (token ${one.name}): ${to}`;
}

function making(chosen: ReleaseSigning, names: readonly string[]): Step<CeremonySite>[] {
  return [
    handover(chosen, names),
    ...names.flatMap(signingToken),
    custodyProof(chosen, names),
    ...chosen.tokens.filter(hasKey).flatMap((one) => [...signingKey(one.name, specOf(one), wordsOf(one)), named(one)]),
  ];
}

/** Hex digits of a key are compared by their digest: 24 words. */
function named(one: SigningToken): Step<CeremonySite> {
  return {
    id: `${one.name}/named`,
    role: 'observer',
    title: `compare the public key in ${one.name} with what the room hears`,
    before: [triedStep(one.name)],
    readBack: async (_site, known) => ({
      vkey: vkeyOf(one, known).text,
      publicKey: Buffer.from(signingKeyOf(known, one.name)).toString('hex'),
    }),
    after: [
      {
        must: `it is named ${one.keyName}, and is the key that was read back`,
        holds: ({ vkey }, known) => vkey === vkeyOf(one, known).text,
      },
    ],
    aloud: [{ what: `the public key of ${one.name} itself`, digest: ({ publicKey }) => toId(String(publicKey)) }],
    sign: true,
  };
}

function thereIs(one: SigningToken): Step<CeremonySite>[] {
  return [
    knownToken(one.name),
    {
      id: keyStepOf(one.name),
      role: 'observer',
      title: `read back the key in ${one.name} ${wordsOf(one)}`,
      before: [tokenStep(one.name)],
      readBack: (site) => open(site, one.name).readKey(specOf(one)),
      after: [
        ...keyConditions(one.name, specOf(one).kind),
        { must: `its public key is ${one.vkey}`, holds: (facts) => vkeyOf(one, new Map([[keyStepOf(one.name), facts]])).text === one.vkey },
      ],
    },
  ];
}

const HEARD = 'release/heard';
const signatureStep = (name: string): string => `${name}/signature`;
const textOf = ({ release }: ReleaseSigning): string => (release === undefined ? '' : noteText(release, release.measurement));

function heard({ version, platform, measurement }: NonNullable<ReleaseSigning['release']>): Step<CeremonySite> {
  return {
    id: HEARD,
    role: 'observer',
    title: `compare the measurement of release ${version} (${platform}) with what was built elsewhere`,
    before: [OPENING],
    confirm: [
      {
        by: 'observer',
        statement: `I built ${version} for ${platform} from its sources, on a machine of my own, and brought the measurement that came of it on paper`,
      },
    ],
    readBack: async () => ({ measurement }),
    after: [{ must: 'it is the measurement of the parameters', holds: (facts) => facts['measurement'] === measurement }],
    aloud: [
      { what: 'the measurement, which is on the papers of the observers too', digest: (facts) => toId(String(facts['measurement'])) },
    ],
  };
}

function signing(one: SigningToken, text: string): Step<CeremonySite> {
  const path = ['signatures', `${one.name}.sig`];
  return {
    id: signatureStep(one.name),
    role: 'operator',
    title: `sign the release in ${one.name}`,
    before: [HEARD, keyStepOf(one.name)],
    makes: [path.join('/')],
    do: async (site) => site.write(path, `${toBase64url(await open(site, one.name).sign(specOf(one), utf8(text)))}\n`),
    readBack: async (site) => {
      const signature = site.read(...path)?.trim();
      return signature === undefined ? undefined : { text, signature };
    },
    after: [
      { must: 'what is signed is the note of the measurement that was heard', holds: (facts) => facts['text'] === text },
      {
        must: 'the signature verifies under the key that was read back',
        holds: ({ signature }, known) => verifyEd25519(signingKeyOf(known, one.name), utf8(text), fromBase64url(String(signature))),
      },
    ],
  };
}

export const releaseSigningKind: Kind = {
  name: 'release-signing',
  about: 'signing keys in tokens of their own, and the signature of a release',
  plan: releaseSigning,
  derive: (value, known) => {
    const chosen = read(value);
    const vkeys = chosen.tokens.filter(hasKey).map((one) => `${vkeyOf(one, known).text}\n`);
    return {
      files: {
        ...(vkeys.length > 0 && { 'keys.vkey': vkeys.join('') }),
        ...(chosen.release && { 'manifest.note': noteOf(chosen, known) }),
      },
    };
  },
  room: {
    read,
    places: (value) => placesOf(read(value).tokens),
    template: releaseSigningTemplate,
    prepare: async (folder, value, room, earlier) => {
      const chosen = read(value);
      return chosen.keys === 'make' ? chosen : { ...chosen, tokens: await makeEarlierKeys(folder, chosen, room, earlier) };
    },
  },
};

/** For a rehearsal: the same keys, made before, their tokens beside the folder `before`. @returns the tokens with their vkeys */
async function makeEarlierKeys(folder: string, chosen: ReleaseSigning, room: RehearsalRoom, earlier: Earlier): Promise<AnyToken[]> {
  const { release: _, tokens, ...rest } = chosen;
  const { files } = await earlier('release-signing', join(folder, 'before'), {
    ...earlierRoom(rest, room, namesIn(tokens)),
    keys: 'make',
    tokens: tokens.map(({ vkey: __, ...one }) => ({ ...one, token: { softhsm: `../${one.name}` } })),
  });
  const vkeys = files['keys.vkey']?.split('\n') ?? [];
  return tokens.map((one, i) => ({ ...one, vkey: vkeys[i] }));
}

/** What a launcher is given beside the manifest. */
function noteOf(chosen: ReleaseSigning, known: Known): string {
  const signatures = chosen.tokens
    .filter(hasKey)
    .filter((one) => one.for === 'code')
    .map((one) => {
      const { name, keyId } = vkeyOf(one, known);
      return { name, keyId, signature: fromBase64url(String(known.get(signatureStep(one.name))?.['signature'])) };
    });
  return formatNote({ text: textOf(chosen), signatures });
}
