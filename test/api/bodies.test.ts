/** Bodies survive the way to JSON and back, are pinned, and are refused where a byte is out of bounds. */
import { describe, expect, test } from 'vitest';
import { envelope, errorBody, type RequestOf, requests } from '../../src/api/bodies.ts';
import { decodeJson, encodeJson } from '../../src/api/json.ts';
import { peerOperations } from '../../src/api/peers.ts';
import { toBase64url } from '../../src/base/bytes.ts';
import { encodePoint, GENERATOR } from '../../src/oprf/point.ts';
import { PASSCODE } from '../../src/vault/slot.ts';
import { hash } from '../../src/wire/signed.ts';

const point = encodePoint(GENERATOR);
const node = hash(Uint8Array.of(1));
const statement = { bytes: Uint8Array.of(1, 2, 3), signature: new Uint8Array(64).fill(7) };
const proof = {
  standing: { registration: Uint8Array.of(9, 9), votes: [statement, statement], activation: statement },
  attempt: { votes: [statement] },
  confirmation: { confirm: statement, votes: [statement] },
  lock: [statement],
  cancels: [{ by: { tenant: 'example', account: node, way: PASSCODE }, cancel: statement }],
};
const attempt: RequestOf<'attempt'> = { way: PASSCODE, clientKey: point, request: statement, element: new Uint8Array(162).fill(3) };
const reply = {
  said: [{ node, signed: statement }],
  refused: [{ node, refusal: { refused: 'locked' as const, message: 'all guesses are used up', evidence: { tried: 10 } } }],
  votes: [statement],
  standing: proof.standing,
};
const page = { changes: [{ cursor: 3, slot: node, proof }], next: 3, head: 4 };

test('the spelling is that of the golden file', async () => {
  const spelled = {
    attempt: encodeJson(requests.attempt, attempt),
    reply: encodeJson(envelope, reply),
    changes: encodeJson(peerOperations.changes.reply, page),
    ask: encodeJson(peerOperations.ask.request, { op: 'lock', place: proof.cancels[0]!.by }),
  };
  await expect(`${JSON.stringify(spelled, undefined, 2)}\n`).toMatchFileSnapshot('golden/bodies.golden.json');
});

test('what is encoded decodes to the same', () => {
  const around = <T>(schema: Parameters<typeof decodeJson<T>>[0], value: T) =>
    decodeJson(schema, JSON.parse(JSON.stringify(encodeJson(schema, value))), 'body');
  expect(around(requests.attempt, attempt)).toEqual(attempt);
  expect(around(envelope, reply)).toEqual(reply);
  expect(around(peerOperations.changes.reply, page)).toEqual(page);
});

test('a refusal with a code of a later release counts as one, with what else is said; it hides nobody', () => {
  const spelled = encodeJson(envelope, reply) as { refused: object[] };
  const evidence = { tried: 3 };
  const later = { node, refused: 'moon-phase', message: 'not tonight', evidence, statement: { signed: 'AQ', signature: 'A'.repeat(86) } };
  const heard = decodeJson(envelope, { ...spelled, refused: [...spelled.refused, later] }, 'body') as typeof reply;
  expect(heard.said).toEqual(reply.said);
  expect(heard.refused[0]).toEqual(reply.refused[0]);
  expect(heard.refused[1]).toMatchObject({
    refusal: {
      refused: 'unrecognised',
      message: 'not tonight',
      evidence: { tried: 3, code: 'moon-phase' },
      statement: { bytes: Uint8Array.of(1) },
    },
  });
  const { node: _, ...alone } = later;
  expect(decodeJson(peerOperations.ask.reply, alone, 'reply')).toMatchObject({ refused: 'unrecognised' });
  const error = { code: 'moon-phase', message: 'not tonight', evidence, next: 'wait' };
  expect(decodeJson(errorBody, { error }, 'error')).toMatchObject({ error: { code: 'unrecognised', message: 'not tonight' } });
  for (const name of ['__proto__', 'toString', 'Moon', '']) {
    expect(() => decodeJson(errorBody, { error: { ...error, code: name } }, 'error')).toThrow();
  }
  expect(decodeJson(errorBody, { error: { ...error, code: 'constructor' } }, 'error')).toMatchObject({ error: { code: 'unrecognised' } });
});

describe('refused as malformed', () => {
  const spelled = () => encodeJson(requests.attempt, attempt) as Record<string, unknown>;
  const refused = (change: Record<string, unknown>) => () => decodeJson(requests.attempt, { ...spelled(), ...change }, 'body');

  test('the good one is not', () => {
    expect(refused({})).not.toThrow();
  });

  test.each([
    ['the identity as an element', { element: toBase64url(new Uint8Array(33)) }],
    ['an uncompressed element', { element: toBase64url(new Uint8Array(65).fill(4)) }],
    ['a short element', { element: toBase64url(point.subarray(1)) }],
    ['another spelling of base64url', { element: `${toBase64url(point)}=` }],
    ['a hybrid element', { element: toBase64url(Uint8Array.from([6, ...point.subarray(1)])) }],
    ['an unknown member', { extra: 1 }],
    [
      'a statement that is too long',
      { request: { signed: toBase64url(new Uint8Array(1025)), signature: toBase64url(new Uint8Array(64)) } },
    ],
    ['an unknown way in', { way: { kind: 'fingerprint', name: '' } }],
    ['a missing statement', { request: undefined }],
  ])('%s', (_, change) => {
    expect(refused(change)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('the message names the member and repeats nothing of it', () => {
    expect(refused({ element: 'secret-secret' })).toThrow(/^body: element: /);
    expect(refused({ element: 'secret-secret' })).not.toThrow(/secret/);
  });

  test('more statements than a fleet has nodes', () => {
    const many = { ...(encodeJson(envelope, reply) as object), said: Array.from({ length: 8 }, () => ({ node })) };
    expect(() => decodeJson(envelope, many, 'reply')).toThrow(/said/);
  });

  test('a code that is no word', () => {
    const error = { code: 'non sense', message: '', evidence: {}, next: '' };
    expect(() => decodeJson(errorBody, { error }, 'reply')).toThrow(/error.code/);
  });
});
