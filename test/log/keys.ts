/** Ed25519 keys in software that stand for the tokens of logs and cosigners; the same seed is the same key. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../src/base/bytes.ts';
import { COSIGNATURE_KEY, makeVkey, NOTE_KEY, type SignBytes, type Vkey, type VkeyType } from '../../src/log/vkey.ts';

export interface LogKey {
  readonly vkey: Vkey;
  readonly sign: SignBytes;
}

function softwareKey(name: string, type: VkeyType, seed: string): LogKey {
  const secret = sha256(utf8(seed));
  return { vkey: makeVkey(name, type, ed25519.getPublicKey(secret)), sign: async (bytes) => ed25519.sign(bytes, secret) };
}

export const noteKey = (name: string, seed = name): LogKey => softwareKey(name, NOTE_KEY, `note ${seed}`);
export const cosignatureKey = (name: string, seed = name): LogKey => softwareKey(name, COSIGNATURE_KEY, `cosignature ${seed}`);
