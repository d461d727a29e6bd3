/**
 * A running witness against an implementation that nobody here wrote: Go's sumdb/note and sumdb/tlog read its log over HTTPS,
 * prove every entry and every earlier tree; and a log of Go's own has its checkpoints cosigned.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toBase64 } from '../../src/base/base64.ts';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { consistencyProof, inclusionProof } from '../../src/log/merkle.ts';
import { formatProof } from '../../src/log/proof.ts';
import { parseVkey, type Vkey } from '../../src/log/vkey.ts';
import { makeBundle } from '../../src/trust/bundle.ts';
import type { Seen } from '../../src/trust/seen.ts';
import { requireTrusted, verifyBundle } from '../../src/trust/verify.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';
import { LogSite } from './log-site.ts';

let at: LogSite;
let folder = '';
let program = '';
/** Once log and witness have replaced them. */
let renewedKeys: typeof at.vkeys | undefined;
let own: { readonly Skey: string; readonly Vkey: string };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-go-'));
  program = join(folder, 'interop');
  // Debian's packages are a GOPATH; nothing is fetched.
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(folder, 'cache'), GOFLAGS: '' };
  execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'interop/main.go')], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  own = JSON.parse(execFileSync(program, ['key'], { encoding: 'utf8' }));
  at = await LogSite.make();
  await at.restartThird((config) => ({ ...config, witnessed: [...(config.witnessed ?? []), { vkey: own.Vkey }] }));
  await at.startKeeper();
  for (let i = 0; i < 5; i += 1) await at.admit();
  expect((await at.countersign()).status).toBe(200);
}, 600_000);
afterAll(async () => {
  await at?.close();
  rmSync(folder, { recursive: true, force: true });
});

const spell = ({ name, keyId, key }: Vkey) => ({ Name: name, KeyId: Number.parseInt(keyId, 16), Key: toBase64(key) });

/** What Go makes of the log now. @param skey of a log of its own, which the third party cosigns from its beginning */
function asGoReads(keys = at.vkeys, skey = '', olds: readonly number[] = []) {
  const { log, witness, operator, third } = keys;
  const input = JSON.stringify({
    Url: at.keeper.url,
    Authority: readFileSync(at.site.path('ca.pem'), 'utf8'),
    Vkey: log.text,
    Cosigners: [witness, operator, third].map(spell),
    Skey: skey,
    Olds: olds,
    Witness: spell(third),
    Third: at.third.url,
  });
  const go = JSON.parse(execFileSync(program, { input, encoding: 'utf8', maxBuffer: 2 ** 26 }));
  expect(go.Size).toBe(at.world.leaves.length);
  expect(go.Signers.sort()).toEqual([log, witness, operator, third].map(({ name }) => name).sort());
  expect(go.Entries).toEqual(at.world.leaves.map(({ text }) => text));
  expect(go.Earlier).toBe(at.world.leaves.length);
  expect(go.Olds ?? []).toEqual(olds);
  return go.Cosigned;
}

it('Go reads the log, proves all of it, and has its own log cosigned', () => {
  expect(asGoReads(at.vkeys, own.Skey)).toEqual([1, 7, 8, 40]);
});

it('and reads it on when log and witness have replaced their keys, as clients do that pin the root of before', async () => {
  const before = at.vkeys;
  const bundleOf = async (roots: readonly string[]) => {
    const { tree, leaves } = at.world;
    const index = leaves.length - 1;
    const proof = formatProof({ index, hashes: await inclusionProof(index, leaves.length, tree.read), checkpoint: await at.checkpoint() });
    return makeBundle({ entry: leaves[index]!.text, proof, roots }).line;
  };
  const asClient = (line: string, seen?: Seen, consistency?: readonly Uint8Array[]) =>
    verifyBundle(line, {
      roots: at.roots,
      policy: { thirdParties: 1, allowSimulated: true },
      nowMs: Date.now(),
      purpose: { kind: 'register' },
      verify: verifyP256,
      seen,
      consistency,
    });
  const { seenAfter } = requireTrusted(asClient(await bundleOf([])));

  const renewed = at.renewKeys('2');
  const plan = { log: renewed.log!, witness: renewed.witness };
  const root = at.rotate(plan);
  await at.restartThird((config) => ({ ...config, witnessed: [...(config.witnessed ?? []), { vkey: renewed.log! }] }));
  // The running one has the old keys: it goes on under the root of before, and says so.
  await at.admit();
  expect(at.keeper.words()).toContain('a root that was put there is not followed');
  const { size } = openCheckpoint(await at.checkpoint(), before.log);
  expect(size).toBe(6);

  await at.keeper.stop();
  await at.startKeeper();
  const now = { ...before, log: parseVkey(renewed.log!), witness: parseVkey(renewed.witness) };
  expect(openCheckpoint(await at.checkpoint(), now.log).size).toBe(6);
  expect((await at.countersign()).status).toBe(200);
  asGoReads(now);
  await at.admit();
  expect((await at.countersign()).status).toBe(200);
  asGoReads(now);
  renewedKeys = now;

  const line = await bundleOf([root]);
  const consistency = await consistencyProof(seenAfter.size, 7, at.world.tree.read);
  const verdict = asClient(line, seenAfter, consistency);
  expect(verdict.checks.filter(({ result }) => result === 'failed')).toEqual([]);
  expect(requireTrusted(verdict).seenAfter).toMatchObject({ origin: seenAfter.origin, size: 7 });
  // Attack: the old keys, stolen, sign on.
  expect(asClient(await bundleOf([]), seenAfter).checks.find(({ result }) => result === 'failed')?.name).toBe('inclusion');
  const { statusCode } = await request(`${at.keeper.url}/roots/2.root.json`, { dispatcher: at.anyone });
  expect(statusCode).toBe(200);
}, 600_000);

/** At, before and after a full tile; twice as many with time for it. */
const SIZES = process.env['HOLDFAST_LONG'] ? [255, 256, 257, 511, 512, 513] : [255, 256, 257];

it('and a log of full and partial tiles, at every size around them; trees seen before by the tiles that they had', async () => {
  const before: number[] = [at.world.leaves.length];
  for (const size of SIZES) {
    while (at.world.leaves.length < size) await at.admit();
    expect((await at.countersign()).status).toBe(200);
    asGoReads(renewedKeys, '', before);
    before.push(size);
  }
}, 1_800_000);
