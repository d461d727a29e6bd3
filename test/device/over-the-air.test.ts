/** A device that pins only a root: what it keeps, what it says, and when it makes no new backups. Nodes are web servers here. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { whyStale } from '../../src/device/fleet-keys.ts';
import { DeviceHome, readPublishedProfile } from '../../src/device/home.ts';
import { backUp } from '../../src/device/protect.ts';
import { withFleetKeys } from '../../src/device/visit.ts';
import { PublishedWorld } from '../audit/published.ts';
import { DAY_MS } from '../trust/world.ts';

let folder = '';
let node: { readonly server: Server; readonly url: string };
let served = '';
let world: PublishedWorld;
let home: DeviceHome;
let said: string[];
let homes = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-air-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'ca.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, ...subject];
  execFileSync('openssl', make, { stdio: 'ignore' });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end(served));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  node = { server, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
});
afterAll(() => {
  node.server.close();
  node.server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  world = new PublishedWorld();
  await world.publish();
  served = (await world.bundle()).line;
  said = [];
  homes += 1;
  writeFileSync(join(folder, 'root.json'), world.roots[0]!);
  const profile = { rootFile: join(folder, 'root.json'), urls: [node.url], caFile: join(folder, 'ca.pem') };
  writeFileSync(join(folder, 'profile.json'), JSON.stringify({ ...profile, accounts: node.url, tenant: 'tenant', allowSimulated: false }));
  home = new DeviceHome(join(folder, `home-${homes}`));
  await home.setUp(await readPublishedProfile(join(folder, 'profile.json')), 'alice');
});

const say = (line: string) => void said.push(line);
const learn = () => withFleetKeys(home, say, async (_, keys) => keys);
const fleet = () => world.leaves[0]!.entry.fleets[0]!.fleet.id;
const stale = async () => (await world.bundle({ cosignedAtMs: world.nowMs - 20 * DAY_MS })).line;

it('learns the fleet from its nodes, and keeps what it saw where nobody else reads it', async () => {
  expect((await learn()).entry.digest).toBe(world.leaves[0]!.entry.digest);
  expect(said).toEqual([]);
  const kept = (readdirSync(home.path, { recursive: true }) as string[]).filter((name) => name.startsWith('fleets/'));
  expect(kept).toHaveLength(1);
  expect(statSync(join(home.path, kept[0]!)).mode & 0o077).toBe(0);
  expect((await home.known(world.roots[0]!).load())?.bundle).toBe(served);
});

it('is told of a bundle that does not verify, and goes on with the one that it kept', async () => {
  await learn();
  served = (await world.bundle({ cosigners: [world.witness, ...world.thirdParties] })).line;
  expect((await learn()).entry.sequence).toBe(1);
  expect(said).toEqual([expect.stringMatching(/^warning: the fleet keys from https:.* are refused: The operator did not countersign/)]);
});

it('says why keys may not be current; a key that came over them encrypts nothing new until they are', async () => {
  served = await stale();
  expect(whyStale(await learn())?.name).toBe('freshness');
  expect(said).toEqual([expect.stringMatching(/^warning: the fleet keys \(freshness\): /)]);
  const recipient = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
  const backup = { fleet: fleet(), entry: world.leaves[0]!.entry.digest, slot: fleet(), recipient };
  await home.save({ ...(await home.load()), backup, overStale: true });
  const nobody = () => Promise.reject(new Error('there was nothing to ask for'));
  const target = join(folder, `backup-${homes}`);
  const back = () => backUp(home, join(folder, 'documents'), target, nobody, { say, bytes: () => undefined });
  mkdirSync(join(folder, 'documents'), { recursive: true });
  await expect(back()).rejects.toMatchObject({ code: 'untrusted-bundle', evidence: { check: 'freshness' } });
  served = (await world.bundle()).line;
  expect(await back()).toMatchObject({ header: { recipient } });
  expect(await home.load()).not.toHaveProperty('overStale');
});
