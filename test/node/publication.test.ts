/**
 * Fleet keys over the air at a node, asked over HTTPS: which bundles it serves, which entries it signs, and what it says of
 * itself. The store is real; the keys of all others are the world's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fromBase64url, type Id, toHex } from '../../src/base/bytes.ts';
import { makeTlsCertificates } from '../../src/ceremony/certificates.ts';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import { makeFleet } from '../../src/fleet/fleet.ts';
import { Publication } from '../../src/node/publication.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { FRESHNESS_MS } from '../../src/trust/log-checks.ts';
import { nodeStatement, type SignedEntry } from '../../src/trust/signed-entry.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';
import type { Listener } from '../../src/web/listen.ts';
import { makeMeter } from '../../src/web/metrics.ts';
import { startPublicListener } from '../../src/web/public-listener.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { cosignatureKey } from '../log/keys.ts';
import { DAY_MS, goodFleet, NOW_MS, signAsNode, World, without } from '../trust/world.ts';
import { newPair, vaultOf } from '../web/fleet.ts';

const CODE = 'cd'.repeat(32) as Id;
const NONCE = '5a'.repeat(32);
const HEADERS = { 'content-type': 'application/json' };
const tls = newPair();
const certificates = await makeTlsCertificates([{ name: 'one', tlsKey: tls.publicKey }], Date.now() - 60_000, Date.now() + 3_600_000);
const agent = new Agent({ connect: { ca: certificates.authority } });

let folder: string;
let world: World;
let first: SignedEntry;
let nowMs: number;
let store: Store;
let node: Publication;
let listener: Listener;
let disbelieved: string[];

/** The first node of the world's first fleet. */
async function open(transparent = true): Promise<Publication> {
  const [{ fleet, nodes }] = first.entry.fleets as [FleetEntry['fleets'][number]];
  const [{ id: self, name, sealingKey, token }] = nodes as [(typeof nodes)[number]];
  const description = { ...token, manufacturer: 'Example', serial: '1', profile: 'example' };
  return Publication.open({
    own: { self, name, sealingKey, description, measurement: CODE },
    fleet: fleet.id,
    pinned: first.entry,
    token: { sign: async (bytes) => signAsNode(nodes[0]!, bytes), counters: { sequence: 7n } as never },
    store,
    clock: () => nowMs,
    policy: transparent ? { root: world.roots[0]!, thirdParties: 1, freshnessMs: FRESHNESS_MS, verify: verifyP256 } : undefined,
    disbelieved: (why) => disbelieved.push(why),
  });
}

async function listen(publication: Publication): Promise<Listener> {
  const [{ fleet }] = first.entry.fleets as [FleetEntry['fleets'][number]];
  const vault = vaultOf(fleet, { id: fleet.nodes[0]!.id } as never, {});
  const cert = certificates.servers.get('one')!;
  return startPublicListener(
    { vault, passes: {} as never, entryLine: first.entry.line, publication, tokenState: () => 'up', clock: () => nowMs },
    {
      address: { host: '127.0.0.1', port: 0 },
      credentials: { current: () => ({ cert, key: tls.privateKey.export({ format: 'pem', type: 'pkcs8' }) }), onRenewal: () => undefined },
      origins: [],
      proxies: 0,
      requestsPerMinute: 1000,
      connectionsMax: 20,
      connectionsPerAddressMax: 20,
      requestLimitMs: 5000,
      trace: pino({ level: 'silent' }),
      meter: makeMeter(() => 0),
    },
  );
}

interface Answer {
  readonly error: { readonly code: string; readonly evidence: { readonly check?: string } };
  readonly taken: boolean;
  readonly signed: string;
  readonly signature: string;
}

async function ask(method: 'GET' | 'POST', path: string, body?: string, headers: Record<string, string> = HEADERS) {
  const url = `https://localhost:${listener.address.port}${path}`;
  const answer = await request(url, { method, headers, dispatcher: agent, ...(body !== undefined && { body }) });
  const text = await answer.body.text();
  return { status: answer.statusCode, text, json: JSON.parse(text) as Answer };
}
const offer = async (text: string) => {
  const { status, json } = await ask('POST', '/v1/bundle', text);
  return status === 200 ? json.taken : [json.error.code, json.error.evidence.check].filter(Boolean).join(' ');
};
const sign = async (entry: string, roots: readonly string[] = []) => ask('POST', '/v1/entry', JSON.stringify({ entry, roots }));
const refusal = async (entry: string) => (await sign(entry)).json.error;
const served = async () => (await ask('GET', '/v1/bundle')).text;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-publication-'));
});
afterAll(async () => {
  await agent.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  nowMs = NOW_MS;
  disbelieved = [];
  world = new World();
  first = await world.publish();
  store = await openStore(mkdtempSync(join(folder, 'store-')), () => undefined);
  node = await open();
  listener = await listen(node);
});
afterEach(async () => {
  await listener.close(100);
  await store.close();
});

describe('a bundle', () => {
  test('is served once it is taken, as it came, and again after a restart', async () => {
    expect((await ask('GET', '/v1/bundle')).json.error.code).toBe('not-found');
    const { line, digest } = await world.bundle();
    expect(await ask('POST', '/v1/bundle', line)).toMatchObject({ status: 200, json: { taken: true, digest } });
    expect(await served()).toBe(line);
    expect(await offer(line)).toBe(false);
    expect((await open()).served).toEqual({ text: line, digest });
  });

  test('is replaced by one of a later entry, and by later cosignatures of the same, never by an older one', async () => {
    const old = await world.bundle({ cosignedAtMs: NOW_MS - 2 * DAY_MS });
    const fresh = await world.bundle();
    expect([await offer(old.line), await offer(fresh.line), await offer(old.line)]).toEqual([true, true, 'superseded']);
    await world.publish();
    const later = await world.bundle({ cosignedAtMs: NOW_MS - 3 * DAY_MS });
    expect([await offer(later.line), await offer(fresh.line)]).toEqual([true, expect.stringMatching(/^(superseded|untrusted-bundle)/)]);
    expect(await served()).toBe(later.line);
  });

  test('is not replaced by the same with fewer cosignatures, and is by the same with more', async () => {
    const all = await world.bundle({ cosigners: [world.witness, world.operator, ...world.thirdParties] });
    const enough = await world.bundle();
    expect([await offer(enough.line), await offer(all.line), await offer(enough.line)]).toEqual([true, true, 'superseded']);
  });

  test.each<[string, string, () => Promise<string>]>([
    [
      'without the operator',
      'untrusted-bundle operator',
      async () => (await world.bundle({ cosigners: [world.witness, world.thirdParties[0]!] })).line,
    ],
    [
      'without a third party',
      'untrusted-bundle third-parties',
      async () => (await world.bundle({ cosigners: [world.witness, world.operator] })).line,
    ],
    ['that is stale', 'untrusted-bundle freshness', async () => (await world.bundle({ cosignedAtMs: NOW_MS - 15 * DAY_MS })).line],
    [
      'of an entry that is not valid any more',
      'untrusted-bundle validity',
      async () => {
        nowMs = NOW_MS + 201 * DAY_MS;
        return (await world.bundle({ cosignedAtMs: nowMs })).line;
      },
    ],
    [
      'without this fleet',
      'untrusted-bundle fleet',
      async () => {
        await world.publish({ fleets: [goodFleet(3, 101)] });
        return (await world.bundle()).line;
      },
    ],
    [
      'of another deployment',
      'untrusted-bundle roots',
      async () => {
        const other = new World();
        other.roots[0] = other.makeRoot({ namespace: 'elsewhere' }, [...other.operatorRoots, ...other.witnessRoots]);
        other.rotate({ namespace: 'elsewhere', expires: '2029-01-01T00:00:00Z' });
        await other.publish();
        return (await other.bundle()).line;
      },
    ],
    ['with white space', 'untrusted-bundle bundle-form', async () => `${(await world.bundle()).line} `],
    ['that is none', 'untrusted-bundle bundle-form', async () => '{"type":"holdfast/bundle/v1"}'],
    ['that is no JSON', 'untrusted-bundle bundle-form', async () => '\u0000'],
    ['that is too large', 'too-large', async () => `"${'x'.repeat(256 * 1024)}"`],
  ])('%s is refused, and nothing changes', async (_, code, make) => {
    const good = (await world.bundle()).line;
    await offer(good);
    expect(await offer(await make())).toBe(code);
    expect(await served()).toBe(good);
    expect(await store.bundle()).toBe(good);
  });

  test('whose store was changed is not served', async () => {
    await store.keepBundle((await world.bundle({ cosigners: [world.witness] })).line);
    expect((await open()).served).toBeUndefined();
    expect(disbelieved).toEqual([expect.stringContaining('operator')]);
  });

  test('is served on when it has grown old: its age is for clients to judge', async () => {
    const { line } = await world.bundle();
    await offer(line);
    nowMs = NOW_MS + 30 * DAY_MS;
    expect((await open()).served?.text).toBe(line);
  });

  test('under roots that followed is taken, and brings the chain along', async () => {
    world.rotate({ expires: '2029-01-01T00:00:00Z' });
    const { line } = await world.bundle();
    expect(await offer(line)).toBe(true);
  });

  test('under roots that a rotation has ended is not taken, and no entry is signed by them, after a restart too', async () => {
    const [stolen] = world.release.slice(0, 1);
    const second = cosignatureKey('witness.example', 'second');
    world.rotate({ witness: second.vkey.text, release: { threshold: 1, keys: [world.release[2]!.vkey.text] } });
    await world.publish({}, { release: [world.release[2]!] });
    expect(await offer((await world.bundle({ cosigners: [second, world.operator, world.thirdParties[0]!] })).line)).toBe(true);
    await world.publish();
    const old = await world.bundle({ roots: [] });
    const next = await world.sign(world.entry(), { release: [stolen!, world.release[1]!], nodes: () => undefined });
    for (const publication of [node, await open()]) {
      await expect(publication.offer(old.line)).rejects.toMatchObject({ evidence: { check: 'release' } });
      await expect(publication.signEntry({ entry: next.text, roots: [] })).rejects.toMatchObject({ code: 'not-signed' });
    }
  });
});

/** What an operator may write into an entry. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends object ? Mutable<T[K]> : T[K] };
type Changed = Mutable<ReturnType<typeof goodFleet>>;

describe('an entry', () => {
  /** The next one as released, with the first node changed. */
  const changed = async (change: (fleet: Changed) => unknown, signers = {}) => {
    const fleet = structuredClone(goodFleet());
    change(fleet);
    return (await world.sign(world.entry({ fleets: [fleet] }), { nodes: () => undefined, ...signers })).text;
  };

  test('that is true is signed by this node, for this entry', async () => {
    const next = await world.sign(world.entry(), { nodes: () => undefined });
    const { status, json } = await sign(next.text);
    expect(status).toBe(200);
    const [fleet] = next.entry.fleets as [FleetEntry['fleets'][number]];
    const statement = nodeStatement(next.entry, fleet, fleet.nodes[0]!);
    expect(Buffer.from(json.signed, 'base64url')).toEqual(Buffer.from(statement));
    expect(verifyP256(fleet.nodes[0]!.identityKey, statement, Buffer.from(json.signature, 'base64url'))).toBe(true);
  });

  test.each<[string, string, RegExp, () => Promise<string>]>([
    ['released by too few', 'not-signed', /release keys/, () => changed(() => undefined, { release: world.release.slice(0, 1) })],
    [
      'that calls the token a device of another class',
      'untrue-entry',
      /class/,
      () => changed(({ nodes }) => (nodes[0]!.token.class = 'host')),
    ],
    ['that calls the token simulated', 'untrue-entry', /simulated/, () => changed(({ nodes }) => (nodes[0]!.token.simulated = true))],
    ['that names another model', 'untrue-entry', /model/, () => changed(({ nodes }) => (nodes[0]!.token.model = 'Better HSM'))],
    ['that calls the node otherwise', 'untrue-entry', /name/, () => changed(({ nodes }) => (nodes[0]!.name = 'node-9'))],
    ['without the code that it runs', 'untrue-entry', /measurements/, () => changed((fleet) => (fleet.measurements = []))],
    [
      'with a sealing key of somebody else in its place',
      'untrue-entry',
      /does not list the fleet/,
      () =>
        changed((fleet) => {
          // Ids are hashes of keys, so the entry can only be of another fleet.
          fleet.nodes[0]!.sealingKey = goodFleet(3, 101).nodes[0]!.sealingKey;
          const keys = fleet.nodes.map((one) => ({
            identityKey: fromBase64url(one.identityKey),
            sealingKey: fromBase64url(one.sealingKey),
          }));
          fleet.id = makeFleet(world.namespace, 2, 2, keys).id;
        }),
    ],
    [
      'without this fleet',
      'untrue-entry',
      /does not list the fleet/,
      async () => (await world.sign(world.entry({ fleets: [goodFleet(3, 101)] }), { nodes: () => undefined })).text,
    ],
    [
      'of another namespace',
      'untrue-entry',
      /namespace/,
      async () =>
        (await world.sign(world.entry({ namespace: 'elsewhere', fleets: [goodFleet(3, 1, 'elsewhere')] }), { nodes: () => undefined }))
          .text,
    ],
    [
      'that is over',
      'untrue-entry',
      /valid/,
      async () => {
        const { text } = await world.sign(world.entry(), { nodes: () => undefined });
        nowMs = NOW_MS + 201 * DAY_MS;
        return text;
      },
    ],
    ['that is no note', 'malformed', /note/, async () => 'x'],
  ])('%s is not signed', async (_, code, words, make) => {
    expect(await refusal(await make())).toMatchObject({ code, message: expect.stringMatching(words) });
  });

  test('without a node that is lost is signed, if it says of that node what the entry before said', async () => {
    const { digest } = first.entry;
    const lost = (at: number, change: object = {}) =>
      changed((fleet) => {
        Object.assign(fleet, without(fleet as ReturnType<typeof goodFleet>, digest, at));
        Object.assign(fleet.nodes[at]!, change);
      });
    expect((await sign(await lost(2))).status).toBe(200);
    for (const change of [{ operator: 'Another' }, { region: 'elsewhere' }, { url: 'https://elsewhere.example.org' }])
      expect(await refusal(await lost(2, change))).toMatchObject({ code: 'untrue-entry', message: expect.stringMatching(/absent node/) });
    expect(await refusal(await lost(0))).toMatchObject({ code: 'untrue-entry', message: expect.stringMatching(/it is here/) });
    // Compared is what is served, once there is anything.
    const fleet = goodFleet();
    const moved = fleet.nodes.map((one, i) => (i === 2 ? { ...one, url: 'https://moved.example.org' } : one));
    await world.publish({ fleets: [{ ...fleet, nodes: moved }] });
    await offer((await world.bundle()).line);
    expect((await sign(await lost(2, { url: 'https://moved.example.org' }))).status).toBe(200);
    expect(await refusal(await lost(2))).toMatchObject({ code: 'untrue-entry' });
  });

  test('before the one that is served is not signed', async () => {
    const older = first.text;
    await world.publish();
    await offer((await world.bundle()).line);
    expect(await refusal(older)).toMatchObject({ code: 'superseded' });
  });

  test('in a body that is not as documented is refused', async () => {
    for (const body of ['{}', '[]', '{"entry":1,"roots":[]}', '{"entry":"x","roots":[],"more":1}'])
      expect((await ask('POST', '/v1/entry', body)).json.error.code).toBe('malformed');
    expect((await ask('POST', '/v1/entry', JSON.stringify({ entry: 'x'.repeat(600_000), roots: [] }))).status).toBe(413);
  });

  test('of a root that does not follow from the pinned one is refused', async () => {
    const { text } = await world.sign(world.entry(), { nodes: () => undefined });
    const foreign = world.makeRoot({ version: 2 }, [...world.operatorRoots, ...world.witnessRoots]).replace(/"sig":"../, '"sig":"00');
    expect((await sign(text, [foreign])).json.error.code).toMatch(/not-signed|malformed/);
  });
});

describe('what a node says of itself', () => {
  const live = async (query: string) => ask('GET', `/v1/live${query}`);

  test('is over the nonce of who asks: its code, and the entry that it serves', async () => {
    const read = async () => {
      const { json } = await live(`?nonce=${NONCE}`);
      return decodeMessage('node/live', Uint8Array.from(Buffer.from(json.signed, 'base64url')));
    };
    const before = await read();
    expect(before).toMatchObject({ measurement: CODE, entry: first.entry.digest, sequence: 7n });
    expect(toHex(before.nonce)).toBe(NONCE);
    const next = await world.publish();
    await offer((await world.bundle()).line);
    expect((await read()).entry).toBe(next.entry.digest);
  });

  test('wants a nonce, and nothing else', async () => {
    for (const query of ['', '?nonce=', '?nonce=5a', `?nonce=${NONCE.toUpperCase()}`, `?nonce=${NONCE}&x=1`])
      expect([query, (await live(query)).status]).toEqual([query, 400]);
  });

  test('is said a bounded number of times a minute: each costs the token a signature', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 61; i += 1) statuses.add((await live(`?nonce=${NONCE}`)).status);
    expect([...statuses]).toEqual([200, 429]);
  });
});

test('a node of a pinned fleet takes no bundle, signs no entry, and says what it runs', async () => {
  await listener.close(100);
  listener = await listen(await open(false));
  expect(await offer((await world.bundle()).line)).toBe('not-found');
  expect(await refusal(first.text)).toMatchObject({ code: 'not-found' });
  const { json } = await ask('GET', `/v1/live?nonce=${NONCE}`);
  expect(decodeMessage('node/live', Uint8Array.from(Buffer.from(json.signed, 'base64url'))).entry).toBe(first.entry.digest);
});
