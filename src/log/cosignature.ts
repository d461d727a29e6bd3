/**
 * Cosignatures of checkpoints (c2sp.org/tlog-cosignature, Ed25519): "as of this time, the largest consistent tree that I saw of
 * this log has this root". Witness, operator and third parties sign so, each with a key of type 0x04. Signed are the bytes
 *
 *   cosignature/v1
 *   time <seconds since 1970>
 *   <text of the checkpoint>
 *
 * and the signature line carries u64 seconds | 64 Ed25519 signature. The signed bytes do not name the cosigner: a key that two
 * names share would sign for both, so whoever lists cosigners refuses a key that stands there twice (src/trust/roots.ts).
 */
import { concatBytes, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Note, type NoteSignature, signaturesOf } from './note.ts';
import { COSIGNATURE_KEY, type SignBytes, type Vkey, verifyEd25519 } from './vkey.ts';

/** The specification goes to 2^63 - 1 and lets verifiers refuse the future; a Date of JavaScript ends here, in the year 275760. */
const TIME_MAX = 8_640_000_000_000n;

/** The bytes that a cosigner signs. */
export function cosignatureMessage(checkpointText: string, timeSeconds: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timeSeconds}\n${checkpointText}`);
}

/** The time at which `vkey` made this signature over the checkpoint, if it did. */
function cosignedAt(checkpointText: string, vkey: Vkey, { signature }: NoteSignature): number | undefined {
  if (signature.length !== 8 + 64) return undefined;
  const time = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
  if (time > TIME_MAX) return undefined;
  const seconds = Number(time);
  return verifyEd25519(vkey.key, cosignatureMessage(checkpointText, seconds), signature.subarray(8)) ? seconds : undefined;
}

/**
 * When `vkey` cosigned the checkpoint, in seconds since 1970: the latest, if it did so more than once; undefined if it did not.
 * @throws `not-signed` when a line names the key and does not verify
 */
export function cosignatureTime(note: Note, vkey: Vkey): number | undefined {
  if (vkey.type !== COSIGNATURE_KEY) return fail('malformed', 'only keys of type 0x04 cosign', { name: vkey.name });
  let latest: number | undefined;
  for (const line of signaturesOf(note, vkey)) {
    const time = cosignedAt(note.text, vkey, line);
    if (time === undefined) return fail('not-signed', 'a cosignature of a checkpoint does not verify', { name: vkey.name });
    if (latest === undefined || time > latest) latest = time;
  }
  return latest;
}

/** Cosigns a checkpoint's text. @throws `not-signed` when `sign` holds another key than `vkey` */
export async function cosign(checkpointText: string, vkey: Vkey, timeSeconds: number, sign: SignBytes): Promise<NoteSignature> {
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(timeSeconds));
  const signature = concatBytes(time, await sign(cosignatureMessage(checkpointText, timeSeconds)));
  const line = { name: vkey.name, keyId: vkey.keyId, signature };
  if (cosignatureTime({ text: checkpointText, signatures: [line] }, vkey) !== timeSeconds)
    fail('not-signed', 'the key that signed is not the one that is named', { name: vkey.name });
  return line;
}
