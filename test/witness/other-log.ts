/** A log that the test keeps in memory, with its private key: what a witness is asked to cosign. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { utf8 } from '../../src/base/bytes.ts';
import { checkpointText } from '../../src/log/checkpoint.ts';
import { consistencyProof, leafHash, MemoryTree, treeRoot } from '../../src/log/merkle.ts';
import { formatNote, signNote } from '../../src/log/note.ts';
import { makeVkey, NOTE_KEY } from '../../src/log/vkey.ts';
import { formatAddCheckpoint } from '../../src/witness/add-checkpoint.ts';

export function newLog(origin: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const vkey = makeVkey(origin, NOTE_KEY, raw);
  const signBytes = async (bytes: Uint8Array) => Uint8Array.from(sign(null, bytes, privateKey));
  /** @param leaves as text; those of two calls are two histories of one log */
  const tree = (leaves: readonly string[]) => {
    const made = new MemoryTree();
    for (const leaf of leaves) made.append(leafHash(utf8(leaf)));
    return made;
  };
  const checkpoint = async (leaves: readonly string[], by = { vkey, signBytes }) => {
    const made = tree(leaves);
    const text = checkpointText({ origin, size: made.size, root: await treeRoot(made.size, made.read) });
    return formatNote({ text, signatures: [await signNote(text, by.vkey, by.signBytes)] });
  };
  /** The body of a request to cosign `leaves` after the first `old` of them. */
  const asking = async (leaves: readonly string[], old: number) =>
    formatAddCheckpoint(old, await consistencyProof(old, leaves.length, tree(leaves).read), await checkpoint(leaves));
  return { origin, vkey, signBytes, checkpoint, asking };
}
