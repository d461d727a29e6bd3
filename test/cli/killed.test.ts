/**
 * `backup` and `restore`, killed at many moments, and ended by Ctrl-C: the backup before is whole, the folder is not there or whole, the
 * same command run again does it, and nothing that was left behind adds up. In a folder, and in a real S3-compatible store.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTarget } from '../../src/backup/open.ts';
import { restore } from '../../src/backup/restore.ts';
import type { Target } from '../../src/backup/target.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { type ObjectStore, startStore, storeInstalled } from '../backup/s3/object-store.ts';
import { Device } from './person.ts';

const BUSY_MS = 600_000;
const KEY = 'b2'.repeat(32);
const ROUNDS = process.env['HOLDFAST_LONG'] === '1' ? 24 : 2;
const FILES = 200;
/** Two parts of an upload. */
const FILM_BYTES = 66 << 20;

const root = mkdtempSync(join(tmpdir(), 'holdfast-killed-'));
const path = (...parts: string[]) => join(root, ...parts);
const device = new Device(path('home'));
const secrets = { key64: KEY };
/** Two folders that take turns: what is stored is one of them, whole. */
const VERSIONS = ['monday', 'tuesday'] as const;
const digests = new Map<string, string>();
let store: ObjectStore | undefined;

beforeAll(async () => {
  for (const version of VERSIONS) {
    mkdirSync(path(version, 'letters'), { recursive: true });
    for (let i = 0; i < FILES; i += 1) writeFileSync(path(version, 'letters', `${i}.txt`), `${version} ${i}`);
    // Before the letters in order, and larger than all of them.
    writeFileSync(path(version, 'film'), Buffer.alloc(FILM_BYTES, systemRandom(65_521)));
    digests.set(version, digestOf(path(version)));
  }
  await device.json(['key64', 'enter'], secrets);
  if (storeInstalled) {
    store = await startStore();
    const { endpoint, accessKeyId, secretAccessKey } = store.settings;
    process.env['AWS_ENDPOINT_URL'] = endpoint.href;
    process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = secretAccessKey.reveal();
    await store.ask('PUT', '/backups');
  }
}, BUSY_MS);
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
}, 60_000);

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const file = join(folder, name);
    hash.update(`${name}\0`).update(statSync(file).isFile() ? readFileSync(file) : '');
  }
  return hash.digest('hex');
}

/** Numbers that are the same in every run (Park and Miller). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** True so long after it was first asked. */
function later(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() > endMs;
}

interface Place {
  readonly to: string;
  /** How far a backup is that is being made, from 0 to 1. */
  stored(): Promise<number>;
  /** What stands aside there. */
  litter(): Promise<number>;
}

const inFolder = (): Place => {
  const partials = () => (existsSync(path('usb')) ? readdirSync(path('usb')).filter((name) => name.endsWith('.partial')) : []);
  const sizeOf = (name: string) => (existsSync(path('usb', name)) ? statSync(path('usb', name)).size : 0);
  return {
    to: path('usb'),
    // One that was killed before it is cleared away first.
    stored: async () => (partials().length === 1 ? sizeOf(partials()[0] as string) / FILM_BYTES : 0),
    litter: async () => partials().length,
  };
};

const inStore = (): Place => {
  const uploads = async () => [...((await store?.ask('GET', '/backups?uploads')) ?? '').matchAll(/<UploadId>/g)].length;
  let before = 0;
  return {
    to: 's3://backups/me',
    async stored() {
      const now = await uploads();
      // Its parts are not seen: so long as it goes on, it may be anywhere.
      return now > before ? 1 : 0;
    },
    async litter() {
      before = await uploads();
      return before;
    },
  };
};

/** Which of the two is stored, by what comes back. */
async function versionIn(target: string | Target): Promise<string | undefined> {
  const back = path('looked-at');
  await restore(target, new Secret(Buffer.from(KEY, 'hex')), back, () => undefined);
  const digest = digestOf(back);
  rmSync(back, { recursive: true });
  return VERSIONS.find((version) => digests.get(version) === digest);
}

const asides = () => readdirSync(root).filter((name) => name.startsWith('.holdfast-restore-'));
const backUp = (version: string, to: string) => ['backup', path(version), '--key64', '--to', to];

describe.each([
  ['a folder', true, inFolder],
  ['an S3-compatible store', storeInstalled, inStore],
] as const)('in %s', (_, there, make) => {
  const place = make();
  const random = seeded(7);

  it.skipIf(!there)(
    'a backup that is killed leaves the one before it, or is whole',
    async () => {
      const beganMs = performance.now();
      await device.json(backUp('monday', place.to));
      const wholeMs = performance.now() - beganMs;
      let stored: string = 'monday';
      let killed = 0;
      for (let i = 0; i < ROUNDS; i += 1) {
        const next = stored === 'monday' ? 'tuesday' : 'monday';
        const before = await place.litter();
        const moment = random();
        const when = i % 2 === 0 ? async () => (await place.stored()) > moment : later(moment * wholeMs);
        const { signal } = await device.stop(backUp(next, place.to), {}, when);
        if (signal !== null) killed += 1;
        const found = await versionIn(openTarget(place.to));
        expect([stored, next]).toContain(found);
        if (signal === null) expect(found).toBe(next);
        stored = found as string;
        // In a folder each one clears away what the one before it left.
        expect(await place.litter()).toBeLessThanOrEqual(place.to.startsWith('s3:') ? before + 1 : 1);
      }
      expect(killed).toBeGreaterThan(0);
      await device.json(backUp('tuesday', place.to));
      expect(await versionIn(openTarget(place.to))).toBe('tuesday');
      if (!place.to.startsWith('s3:')) expect(readdirSync(place.to).sort()).toEqual(['backup.tar.age', 'holdfast-backup.json']);
    },
    BUSY_MS,
  );

  it.skipIf(!there)(
    'a restore that is killed leaves no folder, or a whole one',
    async () => {
      const to = path('back');
      const command = ['restore', place.to, '--to', to];
      const beganMs = performance.now();
      await device.json(command, secrets);
      const wholeMs = performance.now() - beganMs;
      rmSync(to, { recursive: true });
      const unpacked = () => {
        const [aside = '', other] = asides();
        const film = path(aside, 'film');
        return aside === '' || other !== undefined || !existsSync(film) ? 0 : statSync(film).size / FILM_BYTES;
      };
      for (let i = 0; i < ROUNDS; i += 1) {
        const moment = random();
        const { signal } = await device.stop(command, secrets, i % 2 === 0 ? () => unpacked() > moment : later(moment * wholeMs));
        expect(asides().length).toBeLessThanOrEqual(1);
        if (signal === null) expect(existsSync(to)).toBe(true);
        if (!existsSync(to)) continue;
        expect(digestOf(to)).toBe(digests.get('tuesday'));
        rmSync(to, { recursive: true });
      }
      await device.json(command, secrets);
      expect(digestOf(to)).toBe(digests.get('tuesday'));
      expect(asides()).toEqual([]);
      rmSync(to, { recursive: true });
    },
    BUSY_MS,
  );

  it.skipIf(!there)(
    'Ctrl-C clears away what was begun, and says so',
    async () => {
      const before = await place.litter();
      const backed = await device.stop(backUp('monday', place.to), {}, async () => (await place.stored()) > 0, 'SIGINT');
      expect({ ...backed, out: '' }).toMatchObject({ signal: 'SIGINT', err: expect.stringContaining('stopped: nothing is half done') });
      expect(await place.litter()).toBe(before);
      expect(await versionIn(openTarget(place.to))).toBe('tuesday');
      const begun = () => asides().length > 0;
      const restored = await device.stop(['restore', place.to, '--to', path('back')], secrets, begun, 'SIGINT');
      expect(restored).toMatchObject({ signal: 'SIGINT', err: expect.stringContaining('stopped: nothing is half done') });
      expect([asides(), existsSync(path('back'))]).toEqual([[], false]);
    },
    BUSY_MS,
  );
});
