/**
 * A log from end to end, as processes on SoftHSM with real mutual TLS: an entry goes in, everyone reads it back and proves it, a
 * third party and the operator cosign; and what is refused on the way.
 */
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../src/base/bytes.ts';
import { makeTlsCertificates } from '../../src/ceremony/certificates.ts';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { cosignatureTime } from '../../src/log/cosignature.ts';
import { inclusionProof, leafHash } from '../../src/log/merkle.ts';
import { formatNote, parseNote } from '../../src/log/note.ts';
import { formatProof } from '../../src/log/proof.ts';
import { parseEntries, tilePath, tileReader } from '../../src/log/tile.ts';
import { makeBundle } from '../../src/trust/bundle.ts';
import { requireTrusted, verifyBundle } from '../../src/trust/verify.ts';
import { hash } from '../../src/wire/signed.ts';
import { publishedItems } from '../../src/witness/log/policy.ts';
import { cosignatureKey } from '../log/keys.ts';
import { rootKey } from '../trust/world.ts';
import { newPair } from '../web/fleet.ts';
import { LogSite, TRANSCRIPT } from './log-site.ts';

/** Each start is a process of its own, on a machine that may be busy. */
const STARTS_MS = 300_000;
let at: LogSite;
beforeAll(async () => {
  at = await LogSite.make();
  await at.startKeeper();
}, STARTS_MS);
afterAll(() => at?.close(), STARTS_MS);

const nowSeconds = () => Date.now() / 1000;

it('begins with an empty tree, signed and cosigned', async () => {
  const { status, headers, bytes } = await at.get('/checkpoint');
  expect([status, headers['content-type'], headers['cache-control'], headers['access-control-allow-origin']]).toEqual([
    200,
    'text/plain; charset=utf-8',
    'no-cache',
    '*',
  ]);
  expect(openCheckpoint(bytes.toString('utf8'), at.vkeys.log).size).toBe(0);
});

it('publishes its policy, from the table that it judges by, and its roots', async () => {
  const policy = JSON.parse((await at.get('/policy')).bytes.toString('utf8'));
  expect(policy).toMatchObject({
    origin: at.vkeys.log.name,
    namespace: at.world.namespace,
    roots: 1,
    items: publishedItems,
    measurements: null,
  });
  expect((await at.get('/roots/1.root.json')).bytes.toString('utf8')).toBe(at.roots);
  for (const path of ['/roots/2.root.json', '/roots/0.root.json', '/roots/..%2f1.root.json', '/roots/01.root.json'])
    expect((await at.get(path)).status, path).toBe(404);
});

it('admits an entry, and says so of every item', async () => {
  const signed = await at.next();
  const { status, index, items, checkpoint } = await at.submit(signed.text);
  at.world.append(signed);
  expect([status, index]).toEqual([200, 0]);
  expect(items.map(({ item, result }) => [item, result])).toEqual(publishedItems.map(({ item }) => [item, 'passed']));
  expect(openCheckpoint(checkpoint!, at.vkeys.log).size).toBe(1);
  // Again, because the answer was lost: it is there once.
  expect(await at.submit(signed.text)).toMatchObject({ status: 200, index: 0, items: [] });
});

it('serves what clients need: they trust the fleet once the operator has countersigned', async () => {
  const purpose = { kind: 'register' } as const;
  const options = {
    roots: at.roots,
    policy: { thirdParties: 1, allowSimulated: true },
    nowMs: Date.now(),
    purpose,
    verify: at.world.options().verify,
  };
  const bundle = async () => {
    const checkpoint = await at.checkpoint();
    const { size } = openCheckpoint(checkpoint, at.vkeys.log);
    const read = tileReader(size, async (tile) => (await at.get(`/${tilePath(tile)}`)).bytes);
    const proof = formatProof({ index: size - 1, hashes: await inclusionProof(size - 1, size, read), checkpoint });
    return makeBundle({ entry: at.world.leaves.at(-1)!.text, proof, roots: [] }).line;
  };
  const before = verifyBundle(await bundle(), options);
  expect(before.checks.filter(({ result }) => result === 'failed').map(({ name }) => name)).toEqual(['operator']);
  const { status, text } = await at.countersign();
  expect(status).toBe(200);
  expect(text).toBe(await at.checkpoint());
  expect(requireTrusted(verifyBundle(await bundle(), options)).entry.digest).toBe(at.world.leaves[0]!.entry.digest);
});

it('has tiles and entries as tlog-tiles says, with what may be cached for how long', async () => {
  await at.admit();
  await at.admit();
  for (const width of [1, 2, 3]) {
    const { status, headers, bytes } = await at.get(`/tile/0/000.p/${width}`);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, 'application/octet-stream', 'public, max-age=60']);
    expect(bytes).toEqual(Buffer.concat(at.world.leaves.slice(0, width).map(({ leaf }) => leafHash(leaf))));
    const entries = parseEntries((await at.get(`/tile/entries/000.p/${width}`)).bytes, width);
    expect(entries.map(fromUtf8)).toEqual(at.world.leaves.slice(0, width).map(({ text }) => text));
  }
  for (const path of ['/tile/0/000', '/tile/0/000.p/4', '/tile/1/000.p/1', '/tile/entries/001'])
    expect((await at.get(path)).status, path).toBe(404);
  for (const path of [
    '/tile/0/0',
    '/tile/00/000',
    '/tile/0/000.p/256',
    '/tile/0/..%2f..%2fdecided.json',
    '/tile/64/000',
    '/tile/0/x000/000',
  ])
    expect((await at.get(path)).status, path).toBe(400);
});

it('carries the cosignatures of witness, third party and operator, each fresh', async () => {
  await at.countersign();
  const note = parseNote(await at.checkpoint());
  const { witness, operator, third, log } = at.vkeys;
  expect(note.signatures.map(({ name }) => name).sort()).toEqual([log, witness, operator, third].map(({ name }) => name).sort());
  for (const vkey of [witness, operator, third]) expect(Math.abs(cosignatureTime(note, vkey)! - nowSeconds())).toBeLessThan(300);
});

describe('refuses', () => {
  it('an entry that fails, naming the first item, with 422 and all items', async () => {
    const signed = await at.next({ sequence: 9 });
    const { status, error, items } = await at.submit(signed.text);
    expect(status).toBe(422);
    expect(error).toMatchObject({ code: 'not-admitted', message: expect.stringMatching(/^sequence: /), evidence: { got: 9, expected: 4 } });
    expect(items).toHaveLength(publishedItems.length);
    expect(openCheckpoint(await at.checkpoint(), at.vkeys.log).size).toBe(3);
  });

  it('evidence that is not there, is another, or lies behind another host', async () => {
    const fleets = at.world.leaves[0]!.entry.fleets;
    expect(fleets).toHaveLength(1);
    const withFile = async (path: string, digest = hash(utf8(TRANSCRIPT))) => {
      const [fleet] = (JSON.parse((await at.next()).entry.line) as { fleets: [object] }).fleets;
      const evidence = [{ about: 'ceremony transcript', digest, url: `${at.evidenceUrl}${path}` }];
      return at.submit((await at.next({ fleets: [{ ...fleet, evidence } as never] })).text);
    };
    at.files.set('/other', 'something else');
    at.files.set('/moved', 'redirect /transcript');
    at.files.set('/away', 'redirect http://localhost:1/transcript');
    at.files.set('/round', 'redirect /round');
    expect((await withFile('/nowhere')).error).toMatchObject({
      message: expect.stringMatching(/^evidence: /),
      evidence: { problem: 'the host answered 404' },
    });
    expect((await withFile('/other')).error?.message).toMatch(/another digest/);
    expect((await withFile('/away')).error?.evidence['problem']).toMatch(/sends on to another/);
    expect((await withFile('/round')).error?.evidence['problem']).toMatch(/too often/);
    const moved = await withFile('/moved', hash(utf8('wrong')));
    expect(moved.error?.evidence['got']).toBe(hash(utf8(TRANSCRIPT)));
  });

  it('whoever has not the TLS key of the operator, whatever his TLS certificate says', async () => {
    const stranger = newPair();
    const made = await makeTlsCertificates([{ name: 'operator', tlsKey: stranger.publicKey }], Date.now() - 60_000, Date.now() + 3_600_000);
    const key = stranger.privateKey.export({ format: 'pem', type: 'pkcs8' });
    const as = new Agent({ connect: { rejectUnauthorized: false, cert: made.servers.get('operator')!, key } });
    const text = (await at.next()).text;
    for (const by of [as, at.anyone]) {
      const { status, error } = await at.submit(text, by);
      expect([status, error?.code]).toEqual([401, 'not-signed']);
    }
    await as.destroy();
    const { statusCode, body } = await request(`${at.keeper.url}/entries`, { method: 'POST', body: text, dispatcher: at.anyone });
    await body.dump();
    expect(statusCode).toBe(404);
  });

  it('cosignatures of another text, of another key, and older than the one it has', async () => {
    const { text } = parseNote(await at.checkpoint());
    expect((await at.countersign(Date.now(), text.replace('\n3\n', '\n2\n'))).status).toBe(409);
    expect((await at.countersign(Date.now() - 3_600_000)).status).toBe(409);
    expect((await at.countersign(Date.now() + 7_200_000)).status).toBe(400);
    // Signed by all others, and not by the operator.
    const others = parseNote(await at.checkpoint()).signatures.filter(({ name }) => name !== at.vkeys.operator.name);
    const body = formatNote({ text, signatures: others });
    const reply = await request(`${at.keeper.operatorUrl}/cosignatures`, { method: 'POST', body, dispatcher: at.operator });
    expect([reply.statusCode, ((await reply.body.json()) as { error: { code: string } }).error.code]).toEqual([401, 'not-signed']);
  });

  it('bodies that are too large, compressed, or no text', async () => {
    const post = async (body: string | Buffer, headers: Record<string, string> = {}) => {
      const reply = await request(`${at.keeper.operatorUrl}/entries`, { method: 'POST', body, headers, dispatcher: at.operator });
      await reply.body.dump();
      return reply.statusCode;
    };
    expect(await post('x'.repeat(70_000))).toBe(413);
    expect(await post('x', { 'content-encoding': 'gzip' })).toBe(400);
    expect(await post(Buffer.from([0xff, 0xfe]))).toBe(400);
    expect(await post('')).toBe(422);
  });
});

it(
  'goes on without a third party, and collects its cosignature later',
  async () => {
    await at.third.stop();
    await at.admit();
    const alone = parseNote(await at.checkpoint());
    expect(alone.signatures.map(({ name }) => name)).toEqual([at.vkeys.log.name, at.vkeys.witness.name]);
    await at.restartThird((config) => config);
    // At the start the checkpoint is cosigned anew, by all.
    expect(await at.keeper.stop()).toBe(0);
    await at.startKeeper();
    await expect
      .poll(async () => parseNote(await at.checkpoint()).signatures.map(({ name }) => name), { timeout: 120_000 })
      .toContain(at.vkeys.third.name);
  },
  STARTS_MS,
);

it('cosigns its own log by add-checkpoint too, and shows it to monitors', async () => {
  const { bytes } = await at.get(`/${hash(utf8(at.vkeys.log.name))}/checkpoint`);
  expect(openCheckpoint(bytes.toString('utf8'), at.vkeys.log).size).toBe(4);
  const third = await at.get(`/${hash(utf8(at.vkeys.log.name))}/checkpoint`, at.third);
  expect(cosignatureTime(parseNote(third.bytes.toString('utf8')), at.vkeys.third)).toBeDefined();
});

it('tells its numbers to who runs it', async () => {
  const [, port] = /"metrics":\{"host":"127.0.0.1","port":(\d+)/.exec(at.keeper.words())!;
  const { body } = await request(`http://127.0.0.1:${port}/metrics`);
  const text = await body.text();
  expect(text).toMatch(/^holdfast_log_entries 4$/m);
  expect(text).toMatch(/^holdfast_log_published_entries 4$/m);
  const seconds = Number(/^holdfast_log_cosigned_timestamp_seconds\{cosigner="witness.example"\} (\S+)$/m.exec(text)![1]);
  expect(Math.abs(seconds - nowSeconds())).toBeLessThan(600);
  expect(text).toMatch(/^holdfast_log_cosigned_timestamp_seconds\{cosigner="operator.example.org"\} 0$/m);
  await at.submit((await at.next({ sequence: 9 })).text);
  const after = await (await request(`http://127.0.0.1:${port}/metrics`)).body.text();
  expect(after).toMatch(/^holdfast_log_entries_refused\{item="sequence"\} 1$/m);
});

it('follows a root that is put there while it runs, and one side’s it does not', async () => {
  expect((await at.countersign()).status).toBe(200);
  const { world } = at;
  const second = cosignatureKey('operator.example.org', 'second');
  // The operator's side alone, with keys of its own in the place of the witness's.
  const own = [rootKey('operator 3'), rootKey('operator 4')];
  const plan = { version: 2, operator: second.vkey.text, witnessRootKeys: own.map(({ publicKey }) => publicKey) };
  at.site.write('keeper/roots/2.root.json', world.makeRoot(plan, [...world.operatorRoots, ...own]));
  expect((await at.countersign()).status).toBe(200);
  expect(at.keeper.words()).toContain('a root that was put there is not followed');
  expect(JSON.parse((await at.get('/policy')).bytes.toString('utf8'))).toMatchObject({ roots: 1 });
  at.rotate({ operator: second.vkey.text });
  expect((await at.countersign()).status).toBe(401);
  expect((await at.get('/roots/2.root.json')).status).toBe(200);
  expect(JSON.parse((await at.get('/policy')).bytes.toString('utf8'))).toMatchObject({ roots: 2 });
});
