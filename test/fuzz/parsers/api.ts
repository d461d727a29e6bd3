/** JSON that travels between clients, nodes and operators, or stands in a store. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { envelope, errorBody, readiness, requests } from '../../../src/api/bodies.ts';
import { parseEvents } from '../../../src/api/events.ts';
import { decodeJson, encodeJson } from '../../../src/api/json.ts';
import { admitted, notAdmitted } from '../../../src/api/log.ts';
import { peerOperations } from '../../../src/api/peers.ts';
import { bundleReceipt, candidate, nodeStatement } from '../../../src/api/publication.ts';
import { HoldfastError } from '../../../src/base/errors.ts';
import { parseMemo, spellMemo } from '../../../src/client/memo.ts';
import { decodeRow, encodeRow } from '../../../src/store/row.ts';
import { PASSCODE, type Place, slotId } from '../../../src/vault/slot.ts';
import { ACCOUNT } from '../../wire/fixtures.ts';
import { jsonOf, type Parser, textOf } from '../parser.ts';

const golden = JSON.parse(readFileSync(new URL('../../api/golden/bodies.golden.json', import.meta.url), 'utf8')) as {
  readonly attempt: Body;
  readonly reply: Body & { readonly standing: object };
  readonly changes: { readonly changes: readonly { readonly proof: Body }[] };
  readonly ask: Body;
};
type Body = Readonly<Record<string, unknown>>;

const { way, clientKey, request, element } = golden.attempt;
const caller = { way, clientKey };
const { standing, votes } = golden.reply;
const proof = golden.changes.changes[0]?.proof ?? {};
const id = 'ab'.repeat(32);
const by = { tenant: 'example', account: id, way };

/** As the listeners do: JSON first, then the schema of the path; whatever of them takes it. */
function bodies(schemas: readonly z.ZodType[], seeds: readonly object[]): Parser {
  return {
    spelling: 'many',
    refuses: ['malformed'],
    seeds: () => seeds.map((seed) => JSON.stringify(seed)),
    read(bytes) {
      const body = jsonOf(bytes);
      let refused: unknown;
      let taken = false;
      for (const schema of schemas) {
        try {
          const spelled = encodeJson(schema, decodeJson(schema, body, 'the body'));
          // All that may be lost is the name of a code that only a later release knows.
          const same = isDeepStrictEqual(spelled, body) || JSON.stringify(spelled).includes('"unrecognised"');
          const again = encodeJson(schema, decodeJson(schema, spelled, 'the body'));
          if (!same || !isDeepStrictEqual(again, spelled)) throw new Error('the value is spelled otherwise than it was read');
          taken = true;
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error;
          refused = error;
        }
      }
      if (!taken) throw refused;
      return JSON.stringify(body);
    },
  };
}

const requestBodies = bodies(Object.values(requests), [
  { ...caller, request },
  { ...caller, request, registration: 'CQk', replace: request },
  { ...caller, standing },
  golden.attempt,
  { ...caller, confirmed: proof['confirmation'] },
  { ...caller, cancelled: { by, cancel: request } },
]);

const pass = 'a.b.c';
const peerRequests = bodies(
  Object.values(peerOperations).map((one) => one.request),
  [
    golden.ask,
    ...['status', 'register-vote', 'attempt-vote', 'answer'].map((op) => ({
      op,
      pass,
      ...caller,
      request,
      ...(op === 'register-vote' && { registration: 'CQk' }),
      ...((op === 'attempt-vote' || op === 'answer') && { element }),
      ...(op === 'answer' && { votes }),
    })),
    { op: 'activate', standing },
    { op: 'confirm', confirmed: proof['confirmation'] },
    { op: 'hello', hello: request },
    { place: by, cancelled: { by, cancel: request } },
    { proof },
    { slot: id },
    { after: 3, limit: 200 },
    { after: id, limit: 1000 },
    { have: id },
  ],
);

const peerReplies = bodies(
  Object.values(peerOperations).map((one) => one.reply),
  [
    golden.changes,
    { proof },
    { refused: 'locked', message: 'no', evidence: { tried: 10 } },
    { holdings: [{ slot: id, generation: 1, share: 'held' }], next: id },
    { bundle: '{}' },
    { events: '[]', signed: request },
  ],
);

const answers = bodies(
  [envelope, errorBody, readiness, bundleReceipt, candidate, nodeStatement],
  [
    golden.reply,
    { error: { code: 'locked', message: 'no', evidence: { tried: 10 }, next: 'Wait.' } },
    { ready: true, token: true, standing: 'voting', inReach: 3, quorum: 2, measurement: id },
    { taken: true, digest: id },
    { entry: '{}\n', roots: ['{}'] },
    { node: id, ...(request as object) },
  ],
);

/** Of the log, whose answers may say more than we know. */
const judgements: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => {
    const items = [{ item: 'namespace', result: 'passed', words: 'It is.', evidence: { got: 1 } }];
    return [
      JSON.stringify({ index: 1, checkpoint: 'x\n', items }),
      JSON.stringify({ error: { code: 'not-admitted', message: 'no', evidence: {}, next: 'Correct.' }, items }),
    ];
  },
  read(bytes) {
    const body = jsonOf(bytes);
    const schema = typeof body === 'object' && body !== null && 'error' in body ? notAdmitted : admitted;
    return JSON.stringify(decodeJson<unknown>(schema, body, 'the answer'));
  },
};

const events: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => [JSON.stringify([{ account: id, slot: id, kind: 'guess', generation: 1, digest: id, attempt: 1, time: 1_800_000_000_000 }])],
  read: (bytes) => JSON.stringify(parseEvents(textOf(bytes))),
};

const place: Place = { tenant: 'example', account: ACCOUNT, way: PASSCODE };
const row: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => {
    const own = encodeRow({ place } as Parameters<typeof encodeRow>[0]).own;
    return [
      `${JSON.stringify(proof)}\n${own}`,
      `{}\n${own.replace(/}$/, ',"registerVote":{"signed":"AQ","signature":"AQ"},"lockSince":1}')}`,
    ];
  },
  read(bytes) {
    const [proofText = '', own = ''] = textOf(bytes).split('\n');
    const spelled = encodeRow(decodeRow(slotId(place), { proof: proofText, own }));
    return `${spelled.proof}\n${spelled.own}`;
  },
};

const memo: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => [
    '{}',
    JSON.stringify({
      deposit: { registration: 'CQk', activation: request, votes },
      attempt: { generation: 1, digest: id, attempt: 2, element, blind: 'AQ' },
      confirmation: proof['confirmation'],
    }),
  ],
  read: (bytes) => spellMemo(parseMemo(textOf(bytes))),
};

export const api = {
  requests: requestBodies,
  'peer-requests': peerRequests,
  'peer-replies': peerReplies,
  answers,
  judgements,
  events,
  row,
  memo,
};
