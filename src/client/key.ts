/** The device's client key in WebCrypto, where the private key need not be readable: every request is signed with it. */
import { decodeUncompressed, encodePoint } from '../oprf/point.ts';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export interface ClientKey {
  /** 33 bytes, compressed. */
  readonly publicKey: Uint8Array;
  /** ECDSA P-256 over SHA-256, 64 bytes r||s. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

async function clientKeyOf({ publicKey, privateKey }: CryptoKeyPair): Promise<ClientKey> {
  const uncompressed = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));
  return {
    publicKey: encodePoint(decodeUncompressed(uncompressed)),
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign({ ...ECDSA, hash: 'SHA-256' }, privateKey, Uint8Array.from(bytes))),
  };
}

/** For one session; browsers may keep the pair in IndexedDB without ever seeing the private key. */
export async function generateClientKey(): Promise<ClientKey> {
  return clientKeyOf(await crypto.subtle.generateKey(ECDSA, false, ['sign', 'verify']));
}
