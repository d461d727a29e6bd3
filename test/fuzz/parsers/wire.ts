/** What is signed, deposited and kept in tokens: binary formats. */
import { readFileSync } from 'node:fs';
import { fail, HoldfastError } from '../../../src/base/errors.ts';
import { type Body, decodeObject, encodeObject } from '../../../src/token/bank/objects.ts';
import { encodeCore, encodeRegistration, parseRegistration } from '../../../src/vault/registration.ts';
import { decodeMessage, encodeMessage, type Message, messageTypes } from '../../../src/wire/message.ts';
import { FLEET, REGISTRATION, TOMBSTONE } from '../../wire/fixtures.ts';
import { SAMPLES } from '../../wire/samples.ts';
import type { Parser } from '../parser.ts';

/** All types at once: no bytes are two of them. */
const message: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => messageTypes.map((type) => encodeMessage(type, SAMPLES[type] as Message<typeof type>)),
  read(bytes) {
    const read = messageTypes.flatMap((type) => {
      try {
        return [encodeMessage(type, decodeMessage(type, bytes))];
      } catch (error) {
        if (error instanceof HoldfastError && this.refuses.includes(error.code)) return [];
        throw error;
      }
    });
    if (read.length > 1) throw new Error('these bytes are messages of two types');
    return read[0];
  },
};

const registration: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large', 'wrong-fleet'],
  seeds: () => [REGISTRATION, TOMBSTONE],
  read(bytes) {
    const { core, shares } = parseRegistration(bytes, FLEET);
    return encodeRegistration(encodeCore(core), shares);
  },
};

/** Under a seal that anyone can make: whoever has the PIN can, and what is read then is still one object or none. */
const openSeal = () => new Uint8Array(32);
const tokenObject: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds() {
    const golden = JSON.parse(readFileSync(new URL('../../token/bank/objects.golden.json', import.meta.url), 'utf8')) as Record<
      string,
      string
    >;
    return Object.entries(golden).flatMap(([name, hex]) =>
      name === 'slot key' ? [] : [Buffer.from(hex, 'hex').fill(0, hex.length / 2 - 32)],
    );
  },
  read(bytes) {
    const whole = decodeObject(openSeal, bytes);
    if (whole === undefined) return fail('malformed', 'torn, or not ours');
    return encodeObject(openSeal, whole.bank, whole.kind, whole.body as Body<typeof whole.kind>).value;
  },
};

export const wire = { message, registration, 'token-object': tokenObject };
