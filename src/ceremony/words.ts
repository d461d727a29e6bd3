/**
 * Digests as words, to be read aloud: the 24 words of BIP 39's English list for the 32 bytes, the whole digest and a checksum of
 * 8 bits. The list's words differ in their first four letters, so that a misheard one is noticed. They are no wallet's seed.
 */
import { entropyToMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { type Id, idToBytes } from '../base/bytes.ts';

function wordsOf(digest: Id): string[] {
  return entropyToMnemonic(idToBytes(digest), wordlist).split(' ');
}

/** In four rows of six, numbered, as they are printed and read. */
export function wordRows(digest: Id): string[] {
  const words = wordsOf(digest);
  return [0, 6, 12, 18].map((from) => `${`${from + 1}`.padStart(2)}  ${words.slice(from, from + 6).join(' ')}`);
}
