/**
 * The files of a publication that follow from the bundle and from nothing else, laid out so that OpenSSL and coreutils check
 * them one by one: what was signed, by which key, and the signature. Whoever verifies a publication makes them again, so a file
 * that was exchanged is found out even where the list of digests was exchanged with it.
 *
 *   entry.note  entry.json  proof.txt  checkpoint  checkpoint.text
 *   roots/2.root.json ...
 *   signatures/log.*  witness.*  operator.*  third-party-1.*  release-1.*         .pem  .sig  and where it is not above .text
 *   fleets/<8 digits>/<node>/  identity.pem  sealing.pem  entry.statement  entry.sig
 */
import { utf8 } from '../../base/bytes.ts';
import { openCheckpoint } from '../../log/checkpoint.ts';
import { cosignatureMessage, cosignatureTime } from '../../log/cosignature.ts';
import { type Note, signaturesOf } from '../../log/note.ts';
import { parseProof } from '../../log/proof.ts';
import type { Vkey } from '../../log/vkey.ts';
import type { Bundle } from '../../trust/bundle.ts';
import type { Root } from '../../trust/root.ts';
import { entryText, lastSignedBy, linesOf, nodeStatement, parseSignedEntry, type SignedEntry } from '../../trust/signed-entry.ts';
import { derSignature, ed25519Pem, p256Pem } from './pem.ts';

export type Files = ReadonlyMap<string, Uint8Array>;

/** Somebody outside the fleet who signed: the entry, or the log. */
export interface Signer {
  /** Its files in `signatures/`: `witness`, `third-party-1`. */
  readonly file: string;
  readonly vkey: Vkey;
  /** The file that was signed. */
  readonly text: string;
  /** Of a cosignature, in seconds since 1970. */
  readonly time?: number;
}

export interface Derived {
  readonly files: Files;
  readonly signers: readonly Signer[];
}

/**
 * @param bundle whose checks passed: what does not verify has no place in a publication
 * @throws `not-signed`, `malformed`
 */
export function derive(bundle: Bundle, root: Root): Derived {
  const signed = parseSignedEntry(bundle.entry);
  const { checkpoint } = parseProof(bundle.proof);
  const { note } = openCheckpoint(checkpoint, root.log);
  const files = new Map<string, Uint8Array>();
  const put = (path: string, content: string | Uint8Array) => files.set(path, typeof content === 'string' ? utf8(content) : content);
  put('entry.note', bundle.entry);
  put('entry.json', entryText(signed.entry));
  put('proof.txt', bundle.proof);
  put('checkpoint', checkpoint);
  put('checkpoint.text', note.text);
  for (const text of bundle.roots) put(`roots/${versionOf(text)}.root.json`, text);
  const signers = [...noteSigners('log', note, [root.log], 'checkpoint.text'), ...cosigners(note, root), ...releases(signed, root)];
  for (const { file, vkey, signature, message } of signers) {
    put(`signatures/${file}.pem`, ed25519Pem(vkey.key));
    put(`signatures/${file}.sig`, signature);
    if (message !== undefined) put(`signatures/${file}.text`, message);
  }
  for (const [path, content] of nodeFiles(signed)) put(path, content);
  return { files, signers: signers.map(({ signature: _, message: __, ...signer }) => signer) };
}

function versionOf(root: string): number {
  return (JSON.parse(root) as { readonly signed: { readonly version: number } }).signed.version;
}

interface Line extends Signer {
  readonly signature: Uint8Array;
  /** Where no other file has it. */
  readonly message?: Uint8Array;
}

function noteSigners(file: string, note: Note, vkeys: readonly Vkey[], text: string): readonly Line[] {
  return vkeys.flatMap((vkey) =>
    signaturesOf(note, vkey)
      .slice(0, 1)
      .map(({ signature }) => ({ file, vkey, text, signature })),
  );
}

function releases({ note }: SignedEntry, { release }: Root): readonly Line[] {
  return numbered('release', noteSigners('', note, release.keys, 'entry.json'));
}

function cosigners(note: Note, { witness, operator, thirdParties }: Root): readonly Line[] {
  const by = (file: string, vkey: Vkey): readonly Line[] => {
    const time = cosignatureTime(note, vkey);
    if (time === undefined) return [];
    const message = cosignatureMessage(note.text, time);
    const line = signaturesOf(note, vkey).find(
      ({ signature }) => new DataView(signature.buffer, signature.byteOffset).getBigUint64(0) === BigInt(time),
    );
    return line === undefined
      ? []
      : [{ file, vkey, time, message, signature: line.signature.subarray(8), text: `signatures/${file}.text` }];
  };
  const others = numbered(
    'third-party',
    thirdParties.flatMap((vkey) => by('', vkey)),
  );
  return [
    ...by('witness', witness),
    ...by('operator', operator),
    ...others.map((one) => ({ ...one, text: `signatures/${one.file}.text` })),
  ];
}

function numbered(name: string, lines: readonly Line[]): readonly Line[] {
  return lines.map((line, i) => ({ ...line, file: `${name}-${i + 1}` }));
}

/** Of retired fleets there is no signature: their keys are destroyed. */
function nodeFiles(signed: SignedEntry): readonly (readonly [string, string | Uint8Array])[] {
  return signed.entry.fleets.flatMap((fleet) =>
    fleet.nodes.flatMap((node) => {
      const folder = nodeFolder(fleet.fleet.id, node.name);
      const [line] = linesOf(signed.note, fleet, node);
      return [
        [`${folder}/identity.pem`, p256Pem(node.identityKey)],
        [`${folder}/sealing.pem`, p256Pem(node.sealingKey)],
        ...(line === undefined
          ? []
          : ([
              [`${folder}/entry.statement`, nodeStatement({ digest: lastSignedBy(fleet, node) ?? signed.entry.digest }, fleet, node)],
              [`${folder}/entry.sig`, derSignature(line.signature)],
            ] as const)),
      ] as const;
    }),
  );
}

export function nodeFolder(fleet: string, node: string): string {
  return `fleets/${fleet.slice(0, 8)}/${node}`;
}
