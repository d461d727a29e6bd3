/** Signs a release's manifest with a key in a token. Called by `holdfast release sign`, wherever the release key is kept. */
import { formatNote, parseNote, signNote } from '../log/note.ts';
import { makeVkey, NOTE_KEY } from '../log/vkey.ts';
import { measure, parseManifest } from './manifest.ts';
import { noteText } from './note.ts';

/** A key in a token. */
export interface ReleaseSigner {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * The note, and the public key that launchers are to be given.
 * @param name of the key, as it stands in the note
 * @param before signatures by others, of the same manifest
 * @throws `malformed` for what is no manifest
 */
export async function signManifest(
  manifest: Uint8Array,
  name: string,
  signer: ReleaseSigner,
  before?: string,
): Promise<{ readonly note: string; readonly vkey: string }> {
  const vkey = makeVkey(name, NOTE_KEY, signer.publicKey);
  const text = noteText(parseManifest(manifest), measure(manifest));
  const others = before === undefined ? undefined : parseNote(before);
  const kept = others?.text === text ? others.signatures.filter(({ keyId }) => keyId !== vkey.keyId) : [];
  const own = await signNote(text, vkey, (bytes) => signer.sign(bytes));
  return { note: formatNote({ text, signatures: [...kept, own] }), vkey: vkey.text };
}
