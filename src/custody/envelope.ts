/** A custodian's cards as an age file for that custodian alone (age-encryption.org/v1): `age -d` opens it too. */
import { Decrypter, Encrypter } from 'age-encryption';
import { fail } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';

/** @param recipient "age1..." @throws `malformed` for what is no recipient */
export async function sealCards(cards: Secret<string>, recipient: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch (error) {
    return fail('malformed', 'this is no age recipient', { recipient }, error);
  }
  return encrypter.encrypt(cards.reveal());
}

/** @param identities the text of an age identity file: lines of "AGE-SECRET-KEY-1...", comments begin with # @throws `malformed` */
export async function openCards(sealed: Uint8Array, identities: Secret<string>): Promise<string> {
  const lines = identities
    .reveal()
    .split(/\s*\n/)
    .filter((line) => line !== '' && !line.startsWith('#'));
  try {
    const decrypter = new Decrypter();
    for (const line of lines) decrypter.addIdentity(line);
    return await decrypter.decrypt(sealed, 'text');
  } catch (error) {
    return fail('malformed', 'the age file is damaged, or is for another identity', {}, error);
  }
}
