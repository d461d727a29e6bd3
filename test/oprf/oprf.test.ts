import { readFileSync } from 'node:fs';
import { p256_oprf } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { blind, evaluate, finalize } from '../../src/oprf/oprf.ts';
import { encodeScalar, randomScalar } from '../../src/oprf/scalar.ts';
import { combineElements, split } from '../../src/oprf/sharing.ts';

const rfc9497 = JSON.parse(readFileSync(new URL('./vectors/rfc9497-a.3.1.json', import.meta.url), 'utf8')) as {
  seed: string;
  keyInfo: string;
  skSm: string;
  vectors: { input: string; blind: string; blindedElement: string; evaluationElement: string; output: string }[];
};
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const secret = (text: string) => new Secret(bytes(text));

/** 48 random bytes of which the blind with this value is made: a scalar is their residue modulo n-1, plus one. */
const randomnessFor = (scalar: string) => () => bytes((BigInt(`0x${scalar}`) - 1n).toString(16).padStart(96, '0'));

test('the key of the vectors is the one derived from their seed', () => {
  expect(hex(p256_oprf.oprf.deriveKeyPair(bytes(rfc9497.seed), bytes(rfc9497.keyInfo)).secretKey)).toBe(rfc9497.skSm);
});

test.for(rfc9497.vectors.map((vector, i) => [i + 1, vector] as const))('RFC 9497, Appendix A.3.1, test vector %i', ([, vector]) => {
  const blinded = blind(secret(vector.input), randomnessFor(vector.blind));
  expect(hex(blinded.blind.reveal())).toBe(vector.blind);
  expect(hex(blinded.element)).toBe(vector.blindedElement);
  const evaluated = evaluate(secret(rfc9497.skSm), blinded.element);
  expect(hex(evaluated)).toBe(vector.evaluationElement);
  expect(hex(finalize(secret(vector.input), blinded.blind, evaluated).reveal())).toBe(vector.output);
});

test.for(rfc9497.vectors.map((vector, i) => [i + 1, vector] as const))('the same output out of 3 of 5 shares, vector %i', ([, vector]) => {
  const { shares } = split(secret(rfc9497.skSm), 3, 5, systemRandom);
  const { blind: blinding, element } = blind(secret(vector.input), systemRandom);
  const pieces = shares.map((share, i) => ({ index: i + 1, element: evaluate(share, element) })).slice(2);
  expect(hex(finalize(secret(vector.input), blinding, combineElements(pieces)).reveal())).toBe(vector.output);
});

test('the output depends on the key and the input, and not on the blind', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 64 }), (one, other) => {
      const key = new Secret(encodeScalar(randomScalar(systemRandom)));
      const run = (input: Uint8Array) => {
        const blinded = blind(new Secret(input), systemRandom);
        return {
          sent: hex(blinded.element),
          output: hex(finalize(new Secret(input), blinded.blind, evaluate(key, blinded.element)).reveal()),
        };
      };
      const [first, second, third] = [run(one), run(one), run(other)];
      expect(second.output).toBe(first.output);
      expect(second.sent).not.toBe(first.sent);
      expect(third.output === first.output).toBe(hex(one) === hex(other));
    }),
    { numRuns: 10 },
  );
});

test('an answer that is not a point, and an input above the bound, are refused', () => {
  const input = secret('00');
  const { blind: blinding, element } = blind(input, systemRandom);
  expect(() => finalize(input, blinding, new Uint8Array(33))).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => finalize(input, secret('00'.repeat(32)), element)).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => evaluate(secret('00'.repeat(32)), element)).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => evaluate(blinding, new Uint8Array(33))).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => blind(new Secret(new Uint8Array(65536)), systemRandom)).toThrow(expect.objectContaining({ code: 'too-large' }));
});
