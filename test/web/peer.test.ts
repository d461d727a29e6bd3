/** Who may speak to whom: only nodes of one fleet, each as itself, by the keys of the entry and nothing else. */

import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import { PASSCODE } from '../../src/vault/slot.ts';
import type { TlsCredentials } from '../../src/web/listen.ts';
import { makePasses } from '../../src/web/pass.ts';
import { connectPeers } from '../../src/web/peer-client.ts';
import { startPeerListener } from '../../src/web/peer-listener.ts';
import type { MemberPort } from '../../src/web/ports.ts';
import { hash } from '../../src/wire/signed.ts';
import { credentialsOf, memoryTrace, newFleet, newPair, type TestNode, unpublished, vaultOf } from './fleet.ts';
import { AUDIENCE, claims, ISSUER, newClientKey, newIssuer } from './passes.ts';

const { fleet, nodes } = newFleet();
const [one, two, three] = nodes as [TestNode, TestNode, TestNode];
const issuer = await newIssuer();
const passes = makePasses(
  { namespace: fleet.namespace, issuer: ISSUER, audience: AUDIENCE, tenant: 'example', jwks: issuer.jwks },
  Date.now,
);
const slot = hash(Uint8Array.of(1));
const statement = { bytes: Uint8Array.of(1, 2), signature: new Uint8Array(64) };
const lock = { op: 'lock', place: { tenant: 'example', account: slot, way: PASSCODE } } as const;

const open: { close(deadlineMs: number): Promise<unknown> }[] = [];
afterAll(() => Promise.all(open.map((it) => it.close(100))));

const answering: Partial<MemberPort> = {
  ask: async () => statement,
  proofOf: async () => undefined,
  changes: async (after) => ({ changes: [{ cursor: after + 1, slot, proof: { lock: [statement] } }], next: after + 1, head: 7 }),
};

const bounds = { connectionsMax: 100, strangersPerAddressMax: 100, handshakeLimitMs: 5000, requestLimitMs: 5000 };

async function serve(credentials: TlsCredentials, member = answering, publication = unpublished) {
  const { lines, trace } = memoryTrace();
  const vault = vaultOf(fleet, one, member);
  const address = { host: '127.0.0.1', port: 0 };
  const listener = await startPeerListener(vault, { address, credentials, passes, publication, ...bounds, trace });
  open.push(listener);
  return { port: listener.address.port, lines };
}

/** Node 2 as it reaches node 1, at this port. */
async function reach(port: number, credentials: TlsCredentials, bounds?: { inFlightMax: number; callLimitMs: number }) {
  return (await connect(port, credentials, bounds)).at(one.id, AbortSignal.timeout(20_000));
}

async function connect(port: number, credentials: TlsCredentials, bounds = { inFlightMax: 100, callLimitMs: 5000 }) {
  const addresses = new Map([one, three].map(({ id }) => [id, { host: '127.0.0.1', port }]));
  const peers = await connectPeers({ fleet, self: two.id, addresses, credentials, connectionsMax: 4, ...bounds });
  open.push(peers);
  return peers;
}

describe('two nodes of a fleet', () => {
  let member: MemberPort;
  beforeAll(async () => {
    const { port } = await serve(await credentialsOf(one));
    member = await reach(port, await credentialsOf(two));
  });

  test('ask, and are answered', async () => {
    await expect(member.ask(lock)).resolves.toEqual(statement);
    await expect(member.proofOf(slot)).resolves.toBeUndefined();
    await expect(member.changes(4, 10)).resolves.toEqual({
      changes: [{ cursor: 5, slot, proof: { lock: [statement] } }],
      next: 5,
      head: 7,
    });
  });

  test('a refusal is a value, an error keeps its code', async () => {
    const refusal = { refused: 'locked', message: 'all guesses are used up', evidence: { tried: 10 } } as const;
    const refusing = { ask: async () => refusal };
    const away = await reach((await serve(await credentialsOf(one), refusing)).port, await credentialsOf(two));
    await expect(away.ask(lock)).resolves.toEqual(refusal);
    await expect(away.proofOf(slot)).rejects.toMatchObject({ code: 'alarm', message: expect.not.stringContaining('not part') });
  });

  test('tell the bundle that they serve, when the other has another', async () => {
    const digest = 'ab'.repeat(32) as Id;
    const serving = { ...unpublished, served: { text: '{}', digest } };
    const peers = await connect((await serve(await credentialsOf(one), answering, serving)).port, await credentialsOf(two));
    const signal = AbortSignal.timeout(20_000);
    expect(await peers.bundle(one.id, NO_ID, signal)).toBe('{}');
    expect(await peers.bundle(one.id, digest, signal)).toBeUndefined();
  });

  test('each checks the pass itself', async () => {
    const clientKey = newClientKey();
    const asked: unknown[] = [];
    const { port } = await serve(await credentialsOf(one), {
      ask: async (ask) => {
        asked.push(ask);
        return statement;
      },
    });
    const link = await reach(port, await credentialsOf(two));
    const caller = await passes.check(await issuer.sign(claims(clientKey, Date.now())), PASSCODE, clientKey);
    const status = { op: 'status', caller, request: statement } as const;
    await expect(link.ask(status)).resolves.toEqual(statement);
    expect(asked).toEqual([status]);
    const forged = await (await newIssuer()).sign(claims(clientKey, Date.now()));
    const forging = { ...status, caller: { ...caller, pass: { reveal: () => forged } as typeof caller.pass } };
    await expect(link.ask(forging)).rejects.toMatchObject({ code: 'pass-refused' });
    expect(asked).toHaveLength(1);
  });
});

describe('refused by the listener', () => {
  let good: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    good = await serve(await credentialsOf(one));
  });
  const closes = { name: 'Unreachable', message: expect.stringMatching(/does not take the TLS certificate of this node/) };

  test("a stranger's identity key under a node's name", async () => {
    const link = await reach(good.port, await credentialsOf({ ...two, identity: newPair() }));
    await expect(link.proofOf(slot)).rejects.toMatchObject(closes);
  });

  test('a node of another fleet', async () => {
    const other = newFleet().nodes[1]!;
    const link = await reach(good.port, await credentialsOf(other));
    await expect(link.proofOf(slot)).rejects.toMatchObject(closes);
  });

  test('an expired leaf, and one from the future', async () => {
    const week = 7 * 86_400_000;
    for (const at of [Date.now() - week - 1000, Date.now() + week]) {
      const link = await reach(good.port, await credentialsOf(two, at));
      await expect(link.proofOf(slot)).rejects.toMatchObject(closes);
    }
  });

  test('a TLS key that the leaf does not certify', async () => {
    const current = { ...(await credentialsOf(two)).current(), key: newPair().privateKey.export({ format: 'pem', type: 'pkcs8' }) };
    const link = await reach(good.port, { current: () => current, onRenewal: () => undefined });
    await expect(link.proofOf(slot)).rejects.toMatchObject({ name: 'Unreachable' });
  });

  const raw = (options: RequestOptions, body = '{}', plain = false) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const start = plain ? httpRequest : httpsRequest;
      const headers = { 'content-type': 'application/json', ...options.headers };
      const request = start({
        port: good.port,
        host: '127.0.0.1',
        method: 'POST',
        rejectUnauthorized: false,
        agent: false,
        ...options,
        headers,
      });
      request.on('response', (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body: text }));
      });
      request.on('error', reject);
      request.end(body);
    });

  test('TLS without a client certificate, TLS 1.2, and plain HTTP', async () => {
    const path = '/peer/v1/proof';
    await expect(raw({ path })).rejects.toThrow(/certificate required/);
    await expect(raw({ path, ...(await credentialsOf(two)).current(), maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
    await expect(raw({ path }, '{}', true)).rejects.toThrow(/hang up/);
    expect(JSON.stringify(good.lines)).toMatch(/PEER_DID_NOT_RETURN_A_CERTIFICATE/);
  });

  test('what is no peer route, no JSON, too large or compressed', async () => {
    const ask = async (path: string, body: string | Buffer, options: RequestOptions = {}) => {
      const { status, body: text } = await raw({ path, ...(await credentialsOf(two)).current(), ...options }, body as string);
      return [status, JSON.parse(text).error?.code];
    };
    expect(await ask('/v1/status', '{}')).toEqual([404, 'not-found']);
    expect(await ask('/peer/v1/proof', '{}', { method: 'GET' })).toEqual([404, 'not-found']);
    expect(await ask('/peer/v1/proof', '{')).toEqual([400, 'malformed']);
    expect(await ask('/peer/v1/proof', '{"slot":"00"}')).toEqual([400, 'malformed']);
    expect(await ask('/peer/v1/proof', JSON.stringify({ slot: 'x'.repeat(300_000) }))).toEqual([413, 'too-large']);
    const zipped = { headers: { 'content-encoding': 'gzip' } };
    expect(await ask('/peer/v1/proof', gzipSync(JSON.stringify({ slot })), zipped)).toEqual([400, 'malformed']);
  });
});

test('a second question before the first is answered ends the connection', async () => {
  const asked: Id[] = [];
  const silent = {
    proofOf: (of: Id) => {
      asked.push(of);
      return new Promise<undefined>(() => undefined);
    },
  };
  const { port } = await serve(await credentialsOf(one), silent);
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...(await credentialsOf(two)).current() });
  const body = JSON.stringify({ slot });
  const head = `POST /peer/v1/proof HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.on('error', () => undefined).resume();
  socket.write(`${head}${body}`.repeat(2));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(asked.length).toBeLessThanOrEqual(1);
}, 20_000);

describe('refused by the one who asks', () => {
  const stranger = { name: 'Unreachable', message: expect.stringMatching(/not of the identity key that the fleet entry names/) };

  test("a stranger's identity key under the node's name", async () => {
    const { port } = await serve(await credentialsOf({ ...one, identity: newPair() }));
    await expect((await reach(port, await credentialsOf(two))).proofOf(slot)).rejects.toMatchObject(stranger);
  });

  test('another node of the fleet in its place', async () => {
    const { port } = await serve(await credentialsOf(three));
    await expect((await reach(port, await credentialsOf(two))).proofOf(slot)).rejects.toMatchObject(stranger);
  });

  test('an expired leaf', async () => {
    const { port } = await serve(await credentialsOf(one, Date.now() - 8 * 86_400_000));
    const refused = { name: 'Unreachable', message: expect.stringMatching(/expired/) };
    await expect((await reach(port, await credentialsOf(two))).proofOf(slot)).rejects.toMatchObject(refused);
  });

  test('nobody at the address', async () => {
    const refused = { name: 'Unreachable', message: expect.stringMatching(/nothing listens/) };
    await expect((await reach(1, await credentialsOf(two))).proofOf(slot)).rejects.toMatchObject(refused);
  });

  test('an answer that takes too long, and one call more than may wait', async () => {
    const { port } = await serve(await credentialsOf(one), { proofOf: () => new Promise(() => undefined) });
    const link = await reach(port, await credentialsOf(two), { inFlightMax: 1, callLimitMs: 300 });
    const first = link.proofOf(slot);
    await expect(link.proofOf(slot)).rejects.toMatchObject({ message: expect.stringMatching(/1 calls wait/) });
    await expect(first).rejects.toMatchObject({ message: expect.stringMatching(/in time/) });
  });
});

test('renewed leaves are taken without a restart, on both sides', async () => {
  const past = Date.now() - 8 * 86_400_000;
  const [server, client] = [await credentialsOf(one, past), await credentialsOf(two, past)];
  const link = await reach((await serve(server)).port, client);
  await expect(link.proofOf(slot)).rejects.toMatchObject({ message: expect.stringMatching(/expired/) });
  await server.renew(Date.now());
  await expect(link.proofOf(slot)).rejects.toMatchObject({ message: expect.stringMatching(/does not take/) });
  await client.renew(Date.now());
  await expect(link.proofOf(slot)).resolves.toBeUndefined();
});
