/** What clients can ask, over real TLS; what is refused before it reaches the vault; and that nothing leaks into the trace. */
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envelope, publicOperations, requests } from '../../src/api/bodies.ts';
import { decodeJson, encodeJson } from '../../src/api/json.ts';
import { openApi } from '../../src/api/openapi.ts';
import { type Id, NO_ID, toBase64url } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { makeTlsCertificates } from '../../src/ceremony/certificates.ts';
import { CHECKED_BYTES } from '../../src/oprf/checked.ts';
import { PASSCODE } from '../../src/vault/slot.ts';
import type { Listener } from '../../src/web/listen.ts';
import { makeMeter, startMetricsListener } from '../../src/web/metrics.ts';
import { makePasses } from '../../src/web/pass.ts';
import type { CoordinatorPort, Health } from '../../src/web/ports.ts';
import { publicApp, startPublicListener } from '../../src/web/public-listener.ts';
import { newFleet, newPair, type TestNode, unpublished, vaultOf } from './fleet.ts';
import { AUDIENCE, claims, ISSUER, newClientKey, newIssuer } from './passes.ts';

const { fleet, nodes } = newFleet();
const [one, two] = nodes as [TestNode, TestNode];
const issuer = await newIssuer();
const clientKey = newClientKey();
const pass = await issuer.sign(claims(clientKey, Date.now()));
const statement = { bytes: Uint8Array.of(1, 2), signature: new Uint8Array(64) };
const standing = { registration: Uint8Array.of(9), votes: [statement], activation: statement };
const reply = {
  said: [{ node: one.id, signed: statement }],
  refused: [{ node: two.id, refusal: { refused: 'locked', message: 'no' } as const }],
};
const caller = { place: { tenant: 'example', way: PASSCODE }, clientKey };

const tls = newPair();
const certificates = await makeTlsCertificates([{ name: 'one', tlsKey: tls.publicKey }], Date.now() - 60_000, Date.now() + 3_600_000);
const credentials = {
  current: () => ({ cert: certificates.servers.get('one')!, key: tls.privateKey.export({ format: 'pem', type: 'pkcs8' }) }),
  onRenewal: () => undefined,
};
const agent = new Agent({ connect: { ca: certificates.authority } });

const calls: { operation: string; asked: unknown }[] = [];
const record =
  <T>(operation: string, outcome: T) =>
  (asked: unknown) => {
    calls.push({ operation, asked });
    return Promise.resolve(outcome);
  };
const clients = {
  status: record('status', { ...reply, standing }),
  register: record('register', reply),
  activate: record('activate', reply),
  attempt: record('attempt', { ...reply, votes: [statement] }),
  confirm: (asked: unknown) => {
    calls.push({ operation: 'confirm', asked });
    return Promise.reject(new HoldfastError('not-signed', 'the signature does not verify', { got: 1 }));
  },
  cancel: (place: unknown) => record('cancel', { stands: [one.id], refused: reply.refused })(place),
  events: () => Promise.reject(new Error(`a bug that would print ${pass}`)),
} as unknown as CoordinatorPort;

const trace: string[] = [];
const logger = pino({ level: 'trace' }, { write: (line: string) => void trace.push(line) });
const passes = makePasses(
  { namespace: fleet.namespace, issuer: ISSUER, audience: AUDIENCE, tenant: 'example', jwks: issuer.jwks },
  Date.now,
);
let health: Health = {
  standing: 'voting',
  sequence: 7n,
  hasRoom: true,
  measurement: NO_ID,
  peers: [{ node: two.id, heardMs: Date.now() }],
  waiting: 0,
  slots: 3,
  due: 0,
};
let token: 'up' | 'dead' = 'up';
const digest = 'ab'.repeat(32) as Id;
const publication = { ...unpublished, served: { text: '{"type":"holdfast/bundle/v1"}', digest } };
const vault = vaultOf(fleet, one, {}, { clients, health: async () => health });
const parts = {
  vault,
  passes,
  entryLine: '{"type":"holdfast/fleet-bundle/v1"}',
  publication,
  tokenState: () => token,
  clock: Date.now,
};
const options = {
  address: { host: '127.0.0.1', port: 0 },
  credentials,
  origins: ['https://app.example.org'],
  proxies: 0,
  requestsPerMinute: 60,
  connectionsMax: 20,
  connectionsPerAddressMax: 20,
  requestLimitMs: 1000,
  trace: logger,
};

const open: { close(deadlineMs: number): Promise<unknown> }[] = [];
afterAll(async () => {
  await agent.close();
  await Promise.all(open.map((it) => it.close(100)));
});
const serve = async (change: Partial<typeof options> = {}): Promise<Listener> => {
  const listener = await startPublicListener(parts, { ...options, ...change, meter: makeMeter(() => 0) });
  open.push(listener);
  return listener;
};

let base = '';
beforeAll(async () => {
  base = `https://localhost:${(await serve({ requestsPerMinute: 1000 })).address.port}`;
});

const element = new Uint8Array(CHECKED_BYTES).fill(3);
const bodies = {
  status: { request: statement },
  register: { request: statement, registration: Uint8Array.of(1) },
  activate: { standing },
  attempt: { request: statement, element },
  confirm: { confirmed: { confirm: statement, votes: [statement] } },
  cancel: { cancelled: { by: { tenant: 'example', account: one.id, way: PASSCODE }, cancel: statement } },
  events: { request: statement },
};
const spell = (operation: keyof typeof bodies) =>
  JSON.stringify(encodeJson<unknown>(requests[operation], { way: PASSCODE, clientKey, ...bodies[operation] }));

const attemptOn = (element: Uint8Array) => JSON.stringify({ ...JSON.parse(spell('attempt')), element: toBase64url(element) });

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}, at = base) {
  const sent = { 'content-type': 'application/json', authorization: `Bearer ${pass}`, ...headers };
  const response = await request(`${at}${path}`, { method: 'POST', body, headers: sent, dispatcher: agent });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: (await response.body.json()) as { error?: { code: string; message: string; next: string; evidence: object } },
  };
}
const get = async (path: string, headers = {}, at = base) => {
  const response = await request(`${at}${path}`, { headers, dispatcher: agent });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
};

describe('operations reach the vault with the caller that the pass names', () => {
  test('status, with the registration in force', async () => {
    const { status, body } = await post('/v1/status', spell('status'));
    expect([status, decodeJson(envelope, body, 'the answer')]).toEqual([200, { ...reply, standing }]);
    expect(calls.at(-1)).toMatchObject({ operation: 'status', asked: { request: statement, caller } });
  });

  test('attempt, with its votes', async () => {
    const { body } = await post('/v1/attempt', spell('attempt'));
    expect(decodeJson(envelope, body, 'the answer')).toEqual({ ...reply, votes: [statement] });
    expect(calls.at(-1)).toMatchObject({ operation: 'attempt', asked: { element, caller } });
  });

  test('with the bundle, for a client that has another or none', async () => {
    const bundleFor = async (headers: Record<string, string>) => {
      const { status, body } = await post('/v1/status', spell('status'), headers);
      return status === 200 ? decodeJson(envelope, body, 'the answer').bundle : body.error?.code;
    };
    const { text } = publication.served;
    expect(await bundleFor({ 'holdfast-bundle': NO_ID })).toBe(text);
    expect(await bundleFor({ 'holdfast-bundle': 'cd'.repeat(32) })).toBe(text);
    expect(await bundleFor({ 'holdfast-bundle': digest })).toBeUndefined();
    expect(await bundleFor({})).toBeUndefined();
    const before = calls.length;
    expect(await bundleFor({ 'holdfast-bundle': digest.toUpperCase() })).toBe('malformed');
    expect(calls).toHaveLength(before);
  });

  test('activate and cancel', async () => {
    expect(decodeJson(envelope, (await post('/v1/activate', spell('activate'))).body, 'the answer')).toEqual(reply);
    const { body } = await post('/v1/cancel', spell('cancel'));
    expect(decodeJson(envelope, body, 'the answer')).toEqual({ said: [], refused: reply.refused, stands: [one.id] });
    expect(calls.at(-1)).toMatchObject({ operation: 'cancel', asked: caller.place });
  });

  test('a registration that is none is refused here already', async () => {
    const { status, body } = await post('/v1/register', spell('register'));
    expect([status, body.error?.code]).toEqual([400, 'malformed']);
  });

  test('an error keeps its code, and says what to do next', async () => {
    const { status, body } = await post('/v1/confirm', spell('confirm'));
    expect(status).toBe(401);
    expect(body.error).toEqual({
      code: 'not-signed',
      message: 'the signature does not verify',
      evidence: { got: 1 },
      next: expect.stringMatching(/Sign/),
    });
  });

  test('a bug of ours says nothing', async () => {
    const { status, body } = await post('/v1/events', spell('events'));
    expect([status, body.error?.code, JSON.stringify(body).includes(pass)]).toEqual([500, 'alarm', false]);
  });
});

describe('refused before the vault hears of it', () => {
  const refused = async (expected: readonly [number, string], path: string, body: string | Buffer, headers = {}) => {
    const before = calls.length;
    const { status, body: answer } = await post(path, body, headers);
    expect([status, answer.error?.code]).toEqual(expected);
    expect(calls.length).toBe(before);
  };

  test('without a pass, with a forged one, with one for another client key', async () => {
    await refused([401, 'pass-refused'], '/v1/status', spell('status'), { authorization: '' });
    await refused([401, 'pass-refused'], '/v1/status', spell('status'), { authorization: `Basic ${pass}` });
    await refused([401, 'pass-refused'], '/v1/status', spell('status'), { authorization: `Bearer ${'x'.repeat(5000)}` });
    const forged = await (await newIssuer()).sign(claims(clientKey, Date.now()));
    await refused([401, 'pass-refused'], '/v1/status', spell('status'), { authorization: `Bearer ${forged}` });
    const others = await issuer.sign(claims(newClientKey(), Date.now()));
    await refused([401, 'pass-refused'], '/v1/status', spell('status'), { authorization: `Bearer ${others}` });
  });

  test('what is not JSON as documented', async () => {
    await refused([400, 'malformed'], '/v1/status', '{');
    await refused([400, 'malformed'], '/v1/status', '{}');
    await refused([400, 'malformed'], '/v1/status', spell('status'), { 'content-type': 'text/plain' });
    await refused([400, 'malformed'], '/v1/attempt', spell('attempt').replaceAll(toBase64url(clientKey), 'AA'));
    for (const bytes of [clientKey, element.subarray(1)]) await refused([400, 'malformed'], '/v1/attempt', attemptOn(bytes));
    await refused([400, 'malformed'], '/v1/status', gzipSync(spell('status')), { 'content-encoding': 'gzip' });
    await refused([413, 'too-large'], '/v1/status', JSON.stringify({ x: 'x'.repeat(70_000) }));
    await refused([404, 'not-found'], '/v1/nothing', '{}');
    await refused([404, 'not-found'], '/peer/v1/ask', '{}');
  });

  test('more than may come from one address in a minute', async () => {
    const slow = `https://localhost:${(await serve({ requestsPerMinute: 2 })).address.port}`;
    const forwarded = (i: number) => ({ 'x-forwarded-for': `192.0.2.${i}` });
    const statuses: number[] = [];
    for (const i of [1, 2, 3]) statuses.push((await post('/v1/status', spell('status'), forwarded(i), slow)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await get('/health', {}, slow)).status).toBe(200);
  });

  test('a request that does not come to its end, and plain HTTP', async () => {
    const { port } = (await serve({ requestLimitMs: 300 })).address;
    const socket = connect({ port, ca: certificates.authority, servername: 'localhost' });
    socket.write('POST /v1/status HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer).toMatch(/^HTTP\/1.1 (401|408)/);
    const plain = connectPlain(port, '127.0.0.1', () => plain.write('GET /health HTTP/1.1\r\n\r\n'));
    let spoken = '';
    plain.on('data', (chunk) => {
      spoken += chunk;
    });
    await new Promise((resolve) => plain.once('close', resolve));
    expect(spoken).not.toMatch(/200/);
  });
});

describe('what anyone may read', () => {
  test('the fleet entry as its line', async () => {
    expect((await get('/v1/fleet')).text).toBe(parts.entryLine);
  });

  test('whether the node lives and is ready', async () => {
    expect(await get('/health')).toMatchObject({ status: 200, text: '{"alive":true}', headers: { 'cache-control': 'no-store' } });
    expect(await get('/ready')).toMatchObject({ status: 200, text: expect.stringContaining('"ready":true') });
    health = { ...health, peers: [{ node: two.id, heardMs: Date.now() - 60_000 }] };
    expect(await get('/ready')).toMatchObject({ status: 503, text: expect.stringContaining('"inReach":1') });
    health = { ...health, peers: [{ node: two.id, heardMs: Date.now() }], standing: 'quarantined' };
    expect(await get('/ready')).toMatchObject({ status: 503, text: expect.stringContaining('quarantined') });
    health = { ...health, standing: 'voting' };
    token = 'dead';
    expect([(await get('/health')).status, (await get('/ready')).status]).toEqual([503, 503]);
    token = 'up';
  });

  test('pages of configured origins only', async () => {
    const allowed = (origin: string) => get('/health', { origin }).then(({ headers }) => headers['access-control-allow-origin']);
    expect(await allowed('https://app.example.org')).toBe('https://app.example.org');
    expect(await allowed('https://elsewhere.example.org')).toBeUndefined();
  });

  test('numbers on a listener of their own', async () => {
    const metrics = await startMetricsListener(
      makeMeter(() => 0),
      vault,
      { host: '127.0.0.1', port: 0 },
    );
    open.push(metrics);
    const at = `http://127.0.0.1:${metrics.address.port}`;
    const { text } = await get('/metrics', {}, at);
    expect(text).toMatch(/holdfast_standing{standing="voting"} 1/);
    expect(text).toMatch(/holdfast_slots 3/);
    expect((await get('/', {}, at)).status).toBe(404);
    expect((await get('/metrics')).status).toBe(404);
  });
});

describe('the description', () => {
  const document = openApi() as { paths: Record<string, Record<string, unknown>> };

  test('is the published one', async () => {
    expect((await get('/openapi.json')).text).toBe(JSON.stringify(document));
    await expect(`${JSON.stringify(document, undefined, 2)}\n`).toMatchFileSnapshot('../../docs/openapi.json');
  });

  test('names exactly the routes that there are', () => {
    const app = publicApp(parts, { ...options, meter: makeMeter(() => 0) });
    const layers = app.router.stack.flatMap(({ route }) => (route === undefined ? [] : [route]));
    const real = layers.flatMap((route) => route.stack.map(({ method }) => `${method} ${route.path}`));
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect([...new Set(real)].sort()).toEqual(described.sort());
    expect(publicOperations.every((operation) => described.includes(`post /v1/${operation}`))).toBe(true);
  });
});

test('nothing of a request is in the trace but its path and outcome', () => {
  const lines = trace.join('');
  expect(lines).toContain('/v1/status');
  expect(lines).toContain('not-signed');
  for (const secret of [pass, pass.split('.')[1]!.slice(0, 30), toBase64url(clientKey), 'AQI', 'authorization'])
    expect(lines).not.toContain(secret);
});
