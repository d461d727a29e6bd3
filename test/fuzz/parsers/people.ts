/** What people type, bring on paper or write down in a ceremony; and passes. */

import { NO_ID } from '../../../src/base/bytes.ts';
import { HoldfastError } from '../../../src/base/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { parseTranscript, TRANSCRIPT_TYPE } from '../../../src/ceremony/transcript.ts';
import { generateRecoveryCode, normalisePasscode, PASSCODE, readRecoveryCode } from '../../../src/client/index.ts';
import { cardOf, type Entrusted, readCards, readCode, splitPin } from '../../../src/custody/shares.ts';
import { deskState, given, readLine, refusal, spellLine } from '../../../src/custody/speech.ts';
import { readKey64, spellKey64 } from '../../../src/device/key64.ts';
import { makePasses } from '../../../src/web/pass.ts';
import { AUDIENCE, claims, ISSUER, newClientKey, newIssuer } from '../../web/passes.ts';
import { type Parser, textOf } from '../parser.ts';

const random = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 37 + 11) & 255);

const recoveryCode: Parser = {
  spelling: 'many',
  refuses: ['malformed', 'too-large'],
  seeds: () => [generateRecoveryCode(random).reveal()],
  read: (bytes) => readRecoveryCode(textOf(bytes)).reveal(),
};

const passcode: Parser = {
  spelling: 'many',
  refuses: ['malformed', 'too-large'],
  seeds: () => ['271828', ' \uff12\uff17\uff11828 ', 'correct horse'],
  read: (bytes) => normalisePasscode(textOf(bytes)).reveal(),
};

const key64: Parser = {
  spelling: 'many',
  refuses: ['malformed', 'too-large'],
  seeds: () => [spellKey64(new Secret(random(32))).reveal()],
  read: (bytes) => spellKey64(readKey64(textOf(bytes))).reveal(),
};

const of: Entrusted = { ceremony: 'spring fleet', token: 'node-1', pin: 'user' };
const cards = async () =>
  (await splitPin(new Secret('314159'), of, ['Ada', 'Ben', 'Cleo'], 2, random)).map((share) => cardOf(share).reveal());

const card: Parser = {
  spelling: 'many',
  refuses: ['malformed', 'too-large'],
  seeds: async () => [(await cards()).join('\n'), ...(await cards())],
  read: (bytes) =>
    readCards(textOf(bytes))
      .map((share) => cardOf(share).reveal())
      .join('\n'),
};

const code: Parser = {
  spelling: 'many',
  refuses: ['malformed', 'too-large'],
  seeds: async () => (await cards()).map((text) => /Code:([\s\S]*?)Keep/.exec(text)?.[1] ?? ''),
  read(bytes) {
    const share = readCode(textOf(bytes), of);
    return /Code:([\s\S]*?)Keep/.exec(cardOf({ ...share, custodian: 'Ada' }).reveal())?.[1] ?? '';
  },
};

const deskLine: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => [
    spellLine({ share: 'hfs1' }),
    spellLine({ type: 'holdfast/custody/v1', ceremony: 'c', token: 't', given: [{ index: 1, custodian: 'Ada' }], needed: 2 }),
    spellLine({ error: { code: 'malformed', message: 'no', evidence: { got: 1 } } }),
  ],
  read(bytes) {
    const text = textOf(bytes);
    for (const schema of [given, deskState]) {
      try {
        return spellLine(readLine<object>(schema, text));
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
      }
    }
    return spellLine(readLine(refusal, text));
  },
};

const transcript: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds() {
    const facts = {
      format: TRANSCRIPT_TYPE,
      plan: 'first-fleet',
      digest: NO_ID,
      parameters: { nodes: [{ name: 'node-1', ports: [1, 2] }], quorum: 2, yes: true },
    };
    const begin = {
      sequence: 1,
      previous: NO_ID,
      time: '2026-01-01T00:00:00.000Z',
      step: 'begin',
      role: 'operator',
      who: ['Ada'],
      found: false,
    };
    return [`${JSON.stringify({ ...begin, facts })}\n`, ''];
  },
  read: (bytes) =>
    parseTranscript(textOf(bytes))
      .lines.map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
};

const clientKey = newClientKey();
const issuer = newIssuer();
const passes = issuer.then(({ jwks }) =>
  makePasses({ namespace: 'example', issuer: ISSUER, audience: AUDIENCE, tenant: 'example', jwks }, Date.now),
);
const pass: Parser = {
  spelling: 'one',
  refuses: ['pass-refused'],
  seeds: async () => [await (await issuer).sign(claims(clientKey, Date.now()))],
  async read(bytes) {
    return (await (await passes).check(new TextDecoder('latin1').decode(bytes), PASSCODE, clientKey)).pass.reveal();
  },
};

export const people = { 'recovery-code': recoveryCode, passcode, key64, card, code, 'desk-line': deskLine, transcript, pass };
