/**
 * The same files give the same bytes, wherever and whenever they are packed: so anyone can rebuild a release and compare.
 * With --long from two clones with installations of their own, as an outsider would.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packRelease } from '../../src/release/archive.ts';
import { checkRelease } from '../../src/release/check.ts';
import { collect } from '../../src/release/collect.ts';
import { MANIFEST_FILE, measure, parseManifest, spellManifest } from '../../src/release/manifest.ts';
import { NOTE_FILE, openNote, parseReleaseKey } from '../../src/release/note.ts';
import { FACTS, install, layOut, temporary } from './small.ts';

const folder = temporary('holdfast-reproducible-');
afterAll(() => rmSync(folder, { recursive: true }));

async function packed(root: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of packRelease(root, collect(root, FACTS))) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function laidOutIn(name: string): string {
  mkdirSync(join(folder, name), { recursive: true });
  return layOut(join(folder, name));
}

test('at another place, at another time, under another umask: the same manifest and the same archive', async () => {
  const first = await packed(laidOutIn('one'));
  const root = laidOutIn('another/much/deeper');
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const at = join(entry.parentPath, entry.name);
    if (entry.isFile()) chmodSync(at, entry.name === 'node' ? 0o700 : 0o600);
    else chmodSync(at, 0o700);
    utimesSync(at, 1, 1_000_000_000);
  }
  expect((await packed(root)).equals(first)).toBe(true);
});

test('the archive is one that tar unpacks to just what the manifest says', async () => {
  const { root, note, vkey, measurement } = await install(folder);
  const archive = join(folder, 'release.tar');
  rmSync(join(root, MANIFEST_FILE));
  rmSync(join(root, NOTE_FILE));
  writeFileSync(archive, await packed(root));
  const to = join(folder, 'unpacked');
  mkdirSync(to);
  execFileSync('tar', ['-xf', archive, '-C', to]);
  writeFileSync(join(to, NOTE_FILE), note);
  expect(checkRelease(to, [parseReleaseKey(vkey)]).measurement).toBe(measurement);
  const listed = execFileSync('tar', ['-tvf', archive, '--utc'], { encoding: 'utf8' }).trimEnd().split('\n');
  expect(listed).toHaveLength(9);
  for (const line of listed) expect(line).toMatch(/^-rw(xr-x|-r--)r-[x-] 0\/0 +\d+ 1970-01-01 00:00 /);
});

describe('pinned', () => {
  test('the manifest and the note', async () => {
    const { root, note, vkey } = await install(join(folder, 'one'));
    const spelled = readFileSync(join(root, MANIFEST_FILE), 'utf8');
    await expect(spelled).toMatchFileSnapshot('golden/manifest.golden.json');
    await expect(note).toMatchFileSnapshot('golden/manifest.note');
    await expect(`${vkey}\n`).toMatchFileSnapshot('golden/release.vkey');
    expect(openNote(note, [parseReleaseKey(vkey)]).split('\n')[2]).toBe(measure(Buffer.from(spelled)));
  });
});

describe('a manifest has one spelling, and no other is read', () => {
  const good = () => readFileSync(join(import.meta.dirname, 'golden/manifest.golden.json'), 'utf8');
  const read = (text: string) => parseManifest(Buffer.from(text));

  test('the one', () => expect(spellManifest(read(good()))).toBe(good()));

  test.each<[string, RegExp, (text: string) => string]>([
    ['of a later version', /type: expected holdfast\/release\/v1$/, (text) => text.replace('release/v1', 'release/v2')],
    ['with white space', /one spelling/, (text) => text.replace(',"version"', ', "version"')],
    ['without its line feed', /one spelling/, (text) => text.trimEnd()],
    ['with a member twice', /one spelling/, (text) => text.replace('"version":', '"version":"0.2.0","version":')],
    ['with a member that is not known', /one spelling/, (text) => text.replace('"version":', '"more":1,"version":')],
    ['with a file out of order', /files: LICENSE is out of order/, (text) => text.replace(/(\{"path":"LICENSE".*?\}),(\{.*?\})/, '$2,$1')],
    ['with a path that leads elsewhere', /files: number 1: path/, (text) => text.replace('"LICENSE"', '"../LICENSE"')],
    ['with an absolute path', /files: number 1: path/, (text) => text.replace('"LICENSE"', '"/etc/passwd"')],
    ['with a mode that lets others write', /LICENSE: mode/, (text) => text.replace('"0644"', '"0666"')],
    [
      'with a program that is not a file of it',
      /main: expected one of the files/,
      (text) => text.replace('"main":"src/cli/main.ts"', '"main":"src/cli/other.ts"'),
    ],
    ['that is no JSON', /not a JSON object/, () => 'null'],
    ['without files', /files: expected a list/, (text) => text.replace(/"files":.*/, '"files":7}')],
  ])('%s', (_, why, change) => {
    expect(change(good())).not.toBe(good());
    expect(() => read(change(good()))).toThrow(expect.objectContaining({ code: 'malformed', message: expect.stringMatching(why) }));
  });
});

const project = join(import.meta.dirname, '../..');

describe.runIf(process.env['HOLDFAST_LONG'] === '1')('from two clones, each with an installation of its own', () => {
  test('the same archive, byte for byte', () => {
    const [one, other] = [temporary('holdfast-clone-a-'), temporary('holdfast-second-clone-')].map((at, i) => {
      const clone = join(at, 'source');
      execFileSync('git', ['clone', '-q', project, clone]);
      const shell = (command: string) =>
        execFileSync('bash', ['-c', `umask ${i === 0 ? '022' : '077'} && ${command}`], { cwd: clone, encoding: 'utf8' });
      shell('scripts/setup.sh');
      const said = shell(`PATH="$PWD/node_modules/.bin:$PATH" npm run --silent release -- --out ${join(at, 'out')} --work ${at}`);
      const { file, measurement } = JSON.parse(said) as { file: string; measurement: string };
      const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
      rmSync(at, { recursive: true });
      return { sha256, measurement };
    });
    expect(one).toEqual(other);
  });
});
