/** One contract for every place that keeps backups, and what is particular to S3. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archive } from '../../src/backup/archive.ts';
import { loadHeader, saveHeader } from '../../src/backup/beside.ts';
import { folderTarget } from '../../src/backup/folder.ts';
import { recipientOf } from '../../src/backup/key.ts';
import { openTarget } from '../../src/backup/open.ts';
import { restore } from '../../src/backup/restore.ts';
import { s3Target } from '../../src/backup/s3.ts';
import type { S3Place } from '../../src/backup/s3-request.ts';
import { s3Settings } from '../../src/backup/s3-settings.ts';
import type { Target } from '../../src/backup/target.ts';
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { type ObjectStore, startStore, storeInstalled } from './s3/object-store.ts';
import { all, inPieces } from './streams.ts';

const PART_BYTES = 5 << 20;
const root = mkdtempSync(join(tmpdir(), 'holdfast-target-'));
let store: ObjectStore | undefined;
let fresh = 0;
/** A name that no other test has. */
const freshName = (): string => {
  fresh += 1;
  return `test ${fresh}`;
};

beforeAll(async () => {
  if (!storeInstalled) return;
  store = await startStore();
  await store.ask('PUT', '/backups');
});
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

function place(more: Partial<S3Place> = {}): S3Place {
  if (store === undefined) throw new Error('the object store is not there');
  return { ...store.settings, bucket: 'backups', prefix: `${freshName()}/`, partBytes: PART_BYTES, ...more };
}

const kinds: [string, boolean, () => Target][] = [
  ['a folder', true, () => folderTarget(join(root, freshName(), 'made when needed'))],
  ['an S3-compatible store', storeInstalled, () => s3Target(place())],
];

async function* breaksAfter(bytes: number): AsyncGenerator<Uint8Array> {
  yield* inPieces(Buffer.alloc(bytes), 1 << 20);
  throw new Error('the lid was closed');
}

describe.each(kinds)('%s', (_, there, make) => {
  it.skipIf(!there).each([0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 100_000])('keeps %i bytes', async (length) => {
    const target = make();
    const bytes = Buffer.alloc(length, systemRandom(1000));
    await target.write('name', inPieces(bytes, 70_000));
    expect((await all(target.read('name'))).equals(bytes)).toBe(true);
  });

  it.skipIf(!there)('replaces what was there', async () => {
    const target = make();
    for (const text of ['first', '2nd']) await target.write('name', inPieces(Buffer.from(text), 2));
    expect((await all(target.read('name'))).toString()).toBe('2nd');
  });

  it.skipIf(!there)('tells how much it has taken, and ends where that is not wanted any more', async () => {
    const target = make();
    const bytes = Buffer.alloc(2 * PART_BYTES + 100_000, 'x');
    const told: number[] = [];
    await target.write('name', inPieces(bytes, 70_000), (count) => told.push(count));
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect([told.length > 100, told.at(-1)]).toEqual([true, bytes.length]);
    let calls = 0;
    const stopped = target.write('name', inPieces(Buffer.alloc(bytes.length, 'y'), 70_000), (count) => {
      calls += 1;
      if (count > PART_BYTES) throw new Error('somebody pressed Ctrl-C');
    });
    await expect(stopped).rejects.toThrow('somebody pressed Ctrl-C');
    // It is not tried again.
    expect(calls).toBeLessThan(told.length);
    expect((await all(target.read('name'))).equals(bytes)).toBe(true);
  });

  it.skipIf(!there)('says what is there and what is not', async () => {
    const target = make();
    expect(await target.exists('name')).toBe(false);
    await expect(all(target.read('name'))).rejects.toMatchObject({ code: 'path' });
    await target.write('name', inPieces(Buffer.from('x'), 1));
    expect(await target.exists('name')).toBe(true);
    expect(await target.exists('nam')).toBe(false);
  });

  it.skipIf(!there).each([0, 1 << 20, 2 * PART_BYTES + 100_000])(
    'keeps the old where the new breaks off after %i bytes',
    async (length) => {
      const target = make();
      await expect(target.write('new', breaksAfter(length))).rejects.toThrow('the lid was closed');
      expect(await target.exists('new')).toBe(false);
      await target.write('name', inPieces(Buffer.from('old'), 3));
      await expect(target.write('name', breaksAfter(length))).rejects.toThrow('the lid was closed');
      expect((await all(target.read('name'))).toString()).toBe('old');
    },
  );

  it.skipIf(!there)('keeps a backup with its header, and gives both back', async () => {
    const target = make();
    const folder = join(root, freshName());
    mkdirSync(folder);
    writeFileSync(join(folder, 'big'), Buffer.alloc(PART_BYTES + 5, 'b'));
    const key = new Secret(systemRandom(32));
    const header = { fleet: NO_ID as Id, entry: NO_ID as Id, slot: NO_ID as Id, recipient: await recipientOf(key) };
    await archive(folder, header.recipient, target, () => undefined);
    await saveHeader(target, header);
    expect(await loadHeader(target)).toEqual(header);
    await restore(target, key, `${folder}-back`, () => undefined);
    expect(readFileSync(join(`${folder}-back`, 'big')).equals(readFileSync(join(folder, 'big')))).toBe(true);
  });
});

describe.skipIf(!storeInstalled)('in S3', () => {
  it('an upload that fails leaves no parts behind', async () => {
    const at = place();
    await expect(s3Target(at).write('name', breaksAfter(3 * PART_BYTES))).rejects.toThrow('the lid was closed');
    expect(await store?.ask('GET', '/backups?uploads')).not.toContain('<UploadId>');
  });

  it('what uploads left that were killed is cleared away after a week, and of this one name only', async () => {
    const at = place({ prefix: `a & b <${freshName()}>/` });
    for (const name of ['name', 'name-2']) await store?.ask('POST', `/backups/${encodeURI(at.prefix)}${name}?uploads`);
    const left = async () =>
      [...((await store?.ask('GET', '/backups?uploads')) ?? '').matchAll(/<Key>([^<]*)/g)].map(([, key]) => key).sort();
    const spelled = at.prefix.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;');
    const write = (days: number) =>
      s3Target(at, () => Date.now() + days * 86_400_000).write('name', inPieces(Buffer.alloc(PART_BYTES + 1), 1 << 20));
    await write(6);
    expect(await left()).toEqual([`${spelled}name`, `${spelled}name-2`]);
    await write(8);
    expect(await left()).toEqual([`${spelled}name-2`]);
  });

  it('a wrong secret, a wrong name and a missing bucket are told apart', async () => {
    const one = () => inPieces(Buffer.from('x'), 1);
    const stranger = s3Target(place({ secretAccessKey: new Secret('guessed') }));
    await expect(stranger.write('name', one())).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/SignatureDoesNotMatch/),
    });
    await expect(stranger.exists('name')).rejects.toMatchObject({ code: 'configuration' });
    const nobody = s3Target(place({ accessKeyId: 'test:nobody' }));
    await expect(nobody.write('name', one())).rejects.toMatchObject({ code: 'configuration' });
    const elsewhere = s3Target(place({ bucket: 'missing' }));
    await expect(elsewhere.write('name', one())).rejects.toMatchObject({
      code: 'path',
      message: expect.stringMatching(/NoSuchBucket/),
    });
  });

  it('an address names bucket and prefix', async () => {
    const at = place();
    const spelled = `s3://backups/${at.prefix}deeper/`;
    await openTarget(spelled, () => at).write('name', inPieces(Buffer.from('x'), 1));
    expect(await s3Target({ ...at, prefix: `${at.prefix}deeper/` }).exists('name')).toBe(true);
    expect(await s3Target(at).exists('name')).toBe(false);
  });

  it('a body that was altered on the way is refused', async () => {
    await using proxy = await startProxy((body) => body.fill('y'));
    const write = s3Target(place({ endpoint: proxy.endpoint })).write('name', inPieces(Buffer.from('xxxx'), 4));
    await expect(write).rejects.toMatchObject({
      code: 'system',
      message: expect.stringMatching(/ContentSHA256Mismatch|BadDigest/),
    });
  });

  it('a request that is lost, or fails at the store, is made again', async () => {
    let requests = 0;
    await using proxy = await startProxy((body) => {
      requests += 1;
      return requests === 2 ? 'lost' : requests === 4 ? 503 : body;
    });
    const at = place({ endpoint: proxy.endpoint });
    const bytes = Buffer.alloc(2 * PART_BYTES + 7, 'z');
    await s3Target(at).write('name', inPieces(bytes, 1 << 20));
    expect((await all(s3Target(at).read('name'))).equals(bytes)).toBe(true);
    // Look for abandoned ones, begin, three parts, complete, read, and the two that failed.
    expect(requests).toBe(9);
  });

  it('a store that stays away is told so', async () => {
    await using proxy = await startProxy(() => 'lost');
    await expect(s3Target(place({ endpoint: proxy.endpoint })).exists('name')).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('an address', () => {
  const settings = () => ({ endpoint: new URL('http://s3.test'), region: 'r', accessKeyId: 'a', secretAccessKey: new Secret('s') });

  it.each(['s3:', 's3://', 's3://UPPER/x', 's3://a', 's3:/bucket', 's3://under_score/x'])('%s is refused', (spelled) => {
    expect(() => openTarget(spelled, settings)).toThrow(expect.objectContaining({ code: 'path' }));
  });

  it('is a folder unless it says s3', () => {
    expect(openTarget('some/where').folder).toBe(join(process.cwd(), 'some/where'));
    expect(openTarget('s3://bucket/pre/fix/', settings).folder).toBeUndefined();
  });
});

describe('the credentials of S3', () => {
  const folder = join(root, 'aws');
  const files = { AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'), AWS_CONFIG_FILE: join(folder, 'config') };
  beforeAll(() => {
    mkdirSync(folder);
    writeFileSync(
      files.AWS_SHARED_CREDENTIALS_FILE,
      '# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=a/+=\n\n[work]\naws_access_key_id = W\naws_secret_access_key = w\naws_session_token = t\n',
    );
    writeFileSync(
      files.AWS_CONFIG_FILE,
      '[default]\nregion = eu-1\n[profile work]\nregion = eu-2\nendpoint_url = https://store.test:9000\n',
    );
  });
  const spelled = (env: NodeJS.ProcessEnv) => {
    const { endpoint, region, accessKeyId, secretAccessKey, sessionToken } = s3Settings(env);
    return [endpoint.href, region, accessKeyId, secretAccessKey.reveal(), sessionToken?.reveal()];
  };

  it('come from the environment, or else all from one section of the files', () => {
    expect(spelled(files)).toEqual(['https://s3.eu-1.amazonaws.com/', 'eu-1', 'A', 'a/+=', undefined]);
    expect(spelled({ ...files, AWS_PROFILE: 'work' })).toEqual(['https://store.test:9000/', 'eu-2', 'W', 'w', 't']);
    const env = { ...files, AWS_ACCESS_KEY_ID: 'E', AWS_SECRET_ACCESS_KEY: 'e', AWS_REGION: 'r', AWS_ENDPOINT_URL: 'http://other.test' };
    expect(spelled({ ...env, AWS_PROFILE: 'work' })).toEqual(['http://other.test/', 'r', 'E', 'e', undefined]);
  });

  it('are asked for by name when there are none', () => {
    for (const env of [
      { ...files, AWS_PROFILE: 'none' },
      { ...files, AWS_ACCESS_KEY_ID: 'E' },
    ]) {
      expect(() => s3Settings(env)).toThrow(
        expect.objectContaining({ code: 'configuration', message: expect.stringMatching(/AWS_SECRET_ACCESS_KEY/) }),
      );
    }
  });
});

/** Passes requests on to the store under the name they were signed for, altered, lost, or answered with a status. */
async function startProxy(meddle: (body: Buffer) => Buffer | number | 'lost') {
  const to = store?.settings.endpoint as URL;
  const server: Server = createServer(async (incoming, outgoing) => {
    const body = meddle(await all(incoming));
    if (body === 'lost') incoming.socket.destroy();
    else if (typeof body === 'number') outgoing.writeHead(body).end();
    else {
      const forward = { host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers: incoming.headers };
      request(forward, (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers))).end(body);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
