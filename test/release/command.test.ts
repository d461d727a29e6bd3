/** `holdfast release sign` with a key in a SoftHSM token, and `holdfast release verify` as whoever downloads a release runs it. */
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { cardOf, splitPin } from '../../src/custody/shares.ts';
import { isSignedBy, parseNote } from '../../src/log/note.ts';
import { parseVkey } from '../../src/log/vkey.ts';
import { packRelease } from '../../src/release/archive.ts';
import { collect } from '../../src/release/collect.ts';
import { signManifest } from '../../src/release/sign.ts';
import { CODE_KEY, openCreation } from '../../src/token/index.ts';
import { makeSoftHsm, PIN, SOFTHSM } from '../token/softhsm.ts';
import { FACTS, install, keyOf, layOut, temporary } from './small.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const folder = temporary('holdfast-signing-');
const hsm = makeSoftHsm(['release']);
const archive = join(folder, 'holdfast-0.1.0-linux-x64.tar');
const NAME = 'example.org/holdfast-code';
const CEREMONY = 'signing keys';
let whole: Buffer;

beforeAll(async () => {
  const creation = openCreation(hsm.config('release'));
  creation.createKey(CODE_KEY);
  creation.close();
  await pipeline(packRelease(layOut(folder), collect(join(folder, 'release'), FACTS)), createWriteStream(archive));
  whole = readFileSync(archive);
  writeFileSync(join(folder, 'pin'), `${PIN}\n`, { mode: 0o600 });
});
beforeEach(() => writeFileSync(archive, whole));
afterAll(() => {
  rmSync(folder, { recursive: true });
  hsm.remove();
});

function holdfast(...args: readonly string[]) {
  const command = ['-c', '"$0" "$@" 3<"$PIN_FILE"', process.execPath, main, ...args];
  const { status, stdout, stderr } = spawnSync('bash', command, {
    encoding: 'utf8',
    env: { ...process.env, PIN_FILE: join(folder, 'pin') },
  });
  return { status, stdout, stderr };
}

const sign = () => holdfast('release', 'sign', archive, '--name', NAME, '--module', SOFTHSM, '--label', 'release', '--pin-fd', '3');

describe('signed with the key in a token', () => {
  let vkey = '';
  beforeAll(() => {
    const { status, stdout, stderr } = sign();
    expect({ status, stderr }).toMatchObject({ status: 0 });
    vkey = stdout.trim();
  });

  test('it verifies under the key that was printed, and the measurement is the digest of the manifest', () => {
    const { status, stdout } = holdfast('release', 'verify', archive, '--key', vkey, '--json');
    expect(status).toBe(0);
    const manifest = readFileSync(join(import.meta.dirname, 'golden/manifest.golden.json'));
    expect(whole.includes(manifest)).toBe(true);
    const measurement = spawnSync('sha256sum', { input: manifest, encoding: 'utf8' }).stdout.slice(0, 64);
    expect(JSON.parse(stdout)).toMatchObject({ measurement, version: '0.1.0', commit: FACTS.commit, files: 8 });
  });

  test('the signature is a note like those of the log', () => {
    const note = parseNote(readFileSync(`${archive}.note`, 'utf8'));
    expect(isSignedBy(note, parseVkey(vkey))).toBe(true);
  });

  test.each<[string, RegExp, (text: Buffer) => Buffer]>([
    ['one byte of a file changed', /src\/cli\/main.ts: its bytes differ/, (tar) => changed(tar, 'started', 'Started')],
    [
      'one byte of the manifest changed',
      /manifest.json: its bytes differ/,
      (tar) => changed(tar, '"platform":"linux-x64"', '"platform":"linux-x65"'),
    ],
    ['cut in the middle', /release-refused: the archive ends too early or is none/, (tar) => tar.subarray(0, tar.length / 2)],
    ['something else in front', /does not begin with manifest.json/, (tar) => tar.subarray(tar.indexOf('LICENSE\0'))],
    ['no archive', /release-refused: the archive ends too early or is none/, () => Buffer.from('something')],
  ])('%s: refused', (_, why, change) => {
    writeFileSync(archive, change(whole));
    const { status, stdout, stderr } = holdfast('release', 'verify', archive, '--key', vkey);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(why);
  });

  test('under the key of somebody else: refused', async () => {
    mkdirSync(join(folder, 'other'));
    const other = await install(join(folder, 'other'), keyOf('somebody else'));
    const { status, stderr } = holdfast('release', 'verify', archive, '--key', other.vkey);
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/no good signature by example.org/) });
  });

  test('signing again with another key keeps the first signature', async () => {
    const before = readFileSync(`${archive}.note`, 'utf8');
    const manifest = readFileSync(join(import.meta.dirname, 'golden/manifest.golden.json'));
    const { note, vkey: second } = await signManifest(manifest, 'second.example', keyOf('second'), before);
    writeFileSync(`${archive}.note`, note);
    expect(holdfast('release', 'verify', archive, '--key', vkey, '--key', second).status).toBe(0);
    writeFileSync(`${archive}.note`, before);
  });

  test('the same when custodians come, each with the cards of several tokens: the one that is wanted is taken', {
    timeout: 300_000,
  }, async () => {
    const socket = join(folder, 'desk');
    const cards = await Promise.all(['release', 'another'].map(cardsOf));
    const command = ['release', 'sign', archive, '--name', NAME, '--module', SOFTHSM, '--label', 'release'];
    const signing = spawn(process.execPath, [main, ...command, '--custodians', socket, '--ceremony', CEREMONY], { stdio: 'pipe' });
    let told = '';
    signing.stderr.on('data', (chunk) => {
      told += chunk;
    });
    const signed = new Promise<number | null>((resolve) => signing.once('close', resolve));
    for (let tries = 0; !existsSync(socket) && tries < 300; tries += 1) await setTimeout(100);
    for (const i of [0, 1]) {
      writeFileSync(join(folder, 'cards'), cards.map((of) => of[i]).join('\n'));
      const give = ['-c', '"$0" "$@" 3<"$CARDS"', process.execPath, main, 'custodian', 'give', '--socket', socket, '--card-fd', '3'];
      const given = spawnSync('bash', give, { encoding: 'utf8', env: { ...process.env, CARDS: join(folder, 'cards') } });
      expect(given.stderr).not.toContain('error');
    }
    expect(await signed, told).toBe(0);
    expect(holdfast('release', 'verify', archive, '--key', vkey).status).toBe(0);
    expect(told).not.toContain(PIN);
  });

  test('without a signature: refused', () => {
    const { status, stderr } = holdfast('release', 'verify', archive, '--key', vkey, '--note', join(folder, 'nowhere'));
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/is missing: this release is not signed/) });
  });
});

async function cardsOf(token: string): Promise<string[]> {
  const of = { ceremony: CEREMONY, token, pin: 'user' } as const;
  return (await splitPin(new Secret(PIN), of, ['Eve', 'Fay', 'Gil'], 2, systemRandom)).map((share) => cardOf(share).reveal());
}

function changed(tar: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(tar);
  copy.write(to, copy.lastIndexOf(from));
  return copy;
}
