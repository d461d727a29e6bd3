/** Law 5 for signed messages: one encoding per meaning, one meaning per encoding, and nothing else is read. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { type Code, HoldfastError } from '../../src/base/errors.ts';
import { decodeMessage, encodeMessage, type MessageType, messageTypes } from '../../src/wire/message.ts';
import { readSigned, type Signed, signMessage } from '../../src/wire/signed.ts';
import { anyMessage } from './arbitraries.ts';
import { signing } from './keys.ts';
import { SAMPLES } from './samples.ts';

function codeOf(run: () => unknown): Code | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

const node = signing(1);
const other = signing(2);

/** A sample said by `node` and how a reader who knows `node` and that fleet reads it. */
function sample(type: MessageType) {
  const signed = signMessage(type, { ...SAMPLES[type], signer: node.id } as never, node.sign);
  const read = (one: Signed) =>
    readSigned(type, one, SAMPLES[type].fleet, (id) => (id === node.id ? node.publicKey : undefined), node.verify);
  return { signed, read };
}

describe.each(messageTypes)('%s', (type: MessageType) => {
  test('a round trip gives the same message and the same bytes', () => {
    fc.assert(
      fc.property(anyMessage(type), (message) => {
        const bytes = encodeMessage(type, message);
        expect(decodeMessage(type, bytes)).toEqual(message);
        expect(toHex(encodeMessage(type, decodeMessage(type, bytes)))).toBe(toHex(bytes));
      }),
      { numRuns: 30 },
    );
  });

  test('parses as no other type', () => {
    fc.assert(
      fc.property(anyMessage(type), fc.constantFrom(...messageTypes.filter((one) => one !== type)), (message, otherType) => {
        expect(codeOf(() => decodeMessage(otherType, encodeMessage(type, message)))).toBe('malformed');
      }),
      { numRuns: 30 },
    );
  });

  test('is refused with any byte changed, in what is signed or in the signature', () => {
    const { signed, read } = sample(type);
    expect(read(signed)).toMatchObject({ signer: node.id });
    for (const part of ['bytes', 'signature'] as const) {
      for (let at = 0; at < signed[part].length; at += 1) {
        const changed = signed[part].slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect(['malformed', 'too-large', 'wrong-fleet', 'not-signed'], `${part}[${at}]`).toContain(
          codeOf(() => read({ ...signed, [part]: changed })),
        );
      }
    }
  });

  test('is refused truncated at any length, and extended', () => {
    const { signed, read } = sample(type);
    for (const part of ['bytes', 'signature'] as const) {
      for (let length = 0; length < signed[part].length; length += 1) {
        expect(['malformed', 'not-signed']).toContain(codeOf(() => read({ ...signed, [part]: signed[part].slice(0, length) })));
      }
      expect(['malformed', 'not-signed']).toContain(codeOf(() => read({ ...signed, [part]: Uint8Array.of(...signed[part], 0) })));
    }
  });

  test('is refused under another signer, in another fleet, and from a signer without standing', () => {
    const { signed, read } = sample(type);
    const { fleet } = SAMPLES[type];
    const byOther = { bytes: signed.bytes, signature: other.sign(signed.bytes) };
    expect(codeOf(() => read(byOther))).toBe('not-signed');
    expect(codeOf(() => readSigned(type, signed, other.id, () => node.publicKey, node.verify))).toBe('wrong-fleet');
    expect(codeOf(() => readSigned(type, signed, fleet, () => undefined, node.verify))).toBe('not-signed');
    expect(codeOf(() => readSigned(type, signed, fleet, () => other.publicKey, node.verify))).toBe('not-signed');
  });

  test('takes no value that does not fit its field', () => {
    const wrong: Record<string, readonly unknown[]> = {
      number: [-1, 0x1_0000_0000, 1.5, Number.NaN, Number.POSITIVE_INFINITY],
      bigint: [-1n, 1n << 64n],
      object: [new Uint8Array(513), ...(type === 'node/answer' ? [] : [new Uint8Array(31), new Uint8Array(33)])],
    };
    for (const [name, value] of Object.entries(SAMPLES[type])) {
      for (const bad of name === 'operation' ? ['delete', ''] : (wrong[typeof value] ?? [])) {
        expect(['malformed', 'too-large'], `${name} = ${bad}`).toContain(
          codeOf(() => encodeMessage(type, { ...SAMPLES[type], [name]: bad } as never)),
        );
      }
    }
  });
});

test('another suite is refused even if it is signed', () => {
  for (const type of messageTypes) {
    const bytes = encodeMessage(type, SAMPLES[type] as never);
    const at = 1 + (bytes[0] ?? 0) + 1;
    expect(bytes[at]).toBe(1);
    bytes[at] = 2;
    expect(codeOf(() => decodeMessage(type, bytes))).toBe('malformed');
  }
});
