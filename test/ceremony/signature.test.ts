/** Signatures under a transcript, by the keys people have, and digests as words. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import { bytesToSign, handFromPem, isSignedBy, lowered } from '../../src/ceremony/signature.ts';
import { wordRows } from '../../src/ceremony/words.ts';

const signing = { sequence: 7, previous: NO_ID, time: '2026-01-01T00:00:00.000Z', role: 'observer', name: 'Grace' } as const;
const pem = { type: 'pkcs8', format: 'pem' } as const;
const ed25519 = () => generateKeyPairSync('ed25519').privateKey.export(pem) as string;
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export(pem) as string;

describe.each([
  ['Ed25519', ed25519],
  ['P-256', p256],
])('a signature by %s', (_name, make) => {
  const hand = handFromPem(make());
  const bytes = bytesToSign(signing);

  it('verifies, and any changed bit of it or of what it signs does not', async () => {
    const signature = await hand.sign(bytes);
    expect(isSignedBy(hand.key, bytes, signature)).toBe(true);
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 0, max: 7 }), (inSignature, at, bit) => {
        const changed = Uint8Array.from(inSignature ? signature : bytes);
        const place = at % changed.length;
        changed[place] = (changed[place] ?? 0) ^ (1 << bit);
        expect(inSignature ? isSignedBy(hand.key, bytes, changed) : isSignedBy(hand.key, changed, signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('is not one for another place in the chain, time, role or name', async () => {
    const signature = await hand.sign(bytes);
    const others = [
      { sequence: 8 },
      { previous: 'a'.repeat(64) as Id },
      { time: '2026-01-01T00:00:00.001Z' },
      { role: 'operator' as const },
      { name: 'Ada' },
    ];
    for (const other of others) expect(isSignedBy(hand.key, bytesToSign({ ...signing, ...other }), signature)).toBe(false);
  });
});

it('has one spelling: the other s of ECDSA is refused, and a device that gives it is understood', async () => {
  const hand = handFromPem(p256());
  const signature = await hand.sign(bytesToSign(signing));
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const s = order - BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const other = Uint8Array.from([...signature.subarray(0, 32), ...Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  expect(isSignedBy(hand.key, bytesToSign(signing), other)).toBe(false);
  expect(lowered(other)).toEqual(signature);
});

it('takes keys as OpenSSL writes them, with a passphrase too, and refuses other kinds', () => {
  const plain = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519'], { encoding: 'utf8' });
  const sealed = execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:correct'], { input: plain, encoding: 'utf8' });
  expect(handFromPem(sealed, 'correct').key).toBe(handFromPem(plain).key);
  expect(() => handFromPem(sealed, 'wrong')).toThrow(expect.objectContaining({ code: 'configuration' }));
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem) as string;
  expect(() => handFromPem(rsa)).toThrow(/Ed25519 or P-256/);
});

it('reads a digest aloud as the 24 words of BIP 39, of which the last holds a checksum', () => {
  expect(wordRows(NO_ID)).toEqual([
    ' 1  abandon abandon abandon abandon abandon abandon',
    ' 7  abandon abandon abandon abandon abandon abandon',
    '13  abandon abandon abandon abandon abandon abandon',
    '19  abandon abandon abandon abandon abandon art',
  ]);
});
