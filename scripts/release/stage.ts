/**
 * Lays a release out in a folder of its own, from one commit and the lock file, with nothing of this checkout's own packages:
 * the production packages as the lock names them, pkcs11js compiled with the headers of the very runtime that is shipped, the
 * sources, and a bill of materials. Whoever does the same elsewhere gets the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReleaseFacts } from '../../src/release/manifest.ts';
import { digestOf } from '../../src/release/tree.ts';
import { buildVerifyPage } from '../pages/build.ts';

const PROJECT = join(import.meta.dirname, '../..');
const COMMANDS = join(PROJECT, 'node_modules/.bin');

/** What of the repository is in a release, besides its packages. */
const SOURCES = ['LICENSE', 'package.json', 'src', 'softhsm'];
const ONLY_FOR_STAGING = ['package-lock.json', '.npmrc'];
const ADDON = 'node_modules/pkcs11js/build/Release/pkcs11.node';
const MAIN = 'src/cli/main.ts';

/** @param work an empty folder @returns the folder to be packed, in `work`, and what it is */
export async function stage(commit: string, work: string, say: (what: string) => void): Promise<{ root: string; facts: ReleaseFacts }> {
  const root = join(work, 'holdfast');
  const platform = `${process.platform}-${process.arch}`;
  const runtime = join('node_modules', `node-${platform}`);
  const full = git('rev-parse', '--verify', `${commit}^{commit}`).trim();

  say(`sources of ${full.slice(0, 12)}`);
  const archive = execFileSync('git', ['archive', '--prefix=holdfast/', full, ...SOURCES, ...ONLY_FOR_STAGING], {
    cwd: PROJECT,
    maxBuffer: 1 << 28,
  });
  execFileSync('tar', ['-x', '-C', work], { input: archive });

  say('production packages of package-lock.json');
  // Not `npm ci`: see scripts/setup.sh. What came is compared with the lock.
  run(root, 'npm', 'install', '--no-save', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--no-bin-links');
  requireLocked(root);
  writeFileSync(join(root, 'sbom.json'), billOfMaterials(root));
  mkdirSync(join(root, 'share'));
  writeFileSync(join(root, 'share/verify.html'), await buildVerifyPage(root));

  say('pkcs11js');
  const headers = join(root, runtime, 'include');
  run(root, 'node-gyp', 'rebuild', '--directory=node_modules/pkcs11js', `--nodedir=${join(root, runtime)}`);
  const facts: ReleaseFacts = {
    version: String(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version),
    commit: full,
    platform,
    runtime: { version: version(root, runtime), file: join(runtime, 'bin/node') },
    addon: { file: ADDON, headers: digestOfTree(headers), compiler: firstLine(execFileSync('g++', ['--version'], { encoding: 'utf8' })) },
    main: MAIN,
  };
  prune(root, runtime);
  return { root, facts };
}

const git = (...args: readonly string[]): string => execFileSync('git', args, { cwd: PROJECT, encoding: 'utf8' });
const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
const version = (root: string, folder: string): string =>
  String(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).version);

/** With this project's own commands, and without flags of the compiler or of Node that this shell happens to have. */
function run(cwd: string, command: string, ...args: readonly string[]): string {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(C|CXX|CPP|LD|MAKE)FLAGS$|^(CC|CXX|LD|AR|NODE_OPTIONS|npm_config_nodedir)$/.test(name),
  );
  const env = { ...Object.fromEntries(kept), PATH: `${COMMANDS}:${process.env['PATH']}` };
  return execFileSync(join(COMMANDS, command), args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
}

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const packagesIn = (root: string, lock: string) =>
  JSON.parse(readFileSync(join(root, lock), 'utf8')).packages as Readonly<Record<string, Locked>>;

/** Every package that came is the one that the lock names, by its integrity, and none that is not optional is missing. */
function requireLocked(root: string): void {
  const [locked, came] = [packagesIn(root, 'package-lock.json'), packagesIn(root, 'node_modules/.package-lock.json')];
  const strange = Object.entries(came).find(([path, { integrity }]) => integrity === undefined || locked[path]?.integrity !== integrity);
  if (strange !== undefined) throw new Error(`npm installed another ${strange[0]} than package-lock.json names`);
  const missing = Object.entries(locked).find(([path, { dev, optional }]) => path !== '' && !dev && !optional && came[path] === undefined);
  if (missing !== undefined) throw new Error(`npm did not install ${missing[0]}`);
}

interface Bill {
  readonly components: readonly { readonly 'bom-ref': string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly serialNumber: string;
  readonly metadata: { readonly timestamp: string; readonly component: { readonly 'bom-ref': string } };
}

/** CycloneDX, by npm, without what differs from run to run (a number, the time, the folder's name) and what is for other platforms. */
function billOfMaterials(root: string): string {
  const spelled = run(root, 'npm', 'sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only');
  const { serialNumber: _, metadata, components, dependencies, ...bill } = JSON.parse(spelled) as Bill;
  const { timestamp: __, component, ...rest } = metadata;
  const came = packagesIn(root, 'node_modules/.package-lock.json');
  const refs = Object.entries(came).map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`);
  const here = new Set([component['bom-ref'], ...refs]);
  return `${JSON.stringify(
    {
      ...bill,
      metadata: { ...rest, component: { ...component, name: 'holdfast' } },
      components: components.filter((one) => here.has(one['bom-ref'])),
      dependencies: dependencies
        .filter(({ ref }) => here.has(ref))
        .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => here.has(on)) })),
    },
    undefined,
    1,
  )}\n`;
}

/** Only what runs and its licences: the headers stay behind as a digest, and of the compiler's work only the addon. */
function prune(root: string, runtime: string): void {
  for (const name of [...ONLY_FOR_STAGING, 'node_modules/.package-lock.json', `${runtime}/include`, `${runtime}/share`]) {
    rmSync(join(root, name), { recursive: true, force: true });
  }
  const build = join(root, 'node_modules/pkcs11js/build');
  cpSync(join(root, ADDON), join(root, 'addon'));
  rmSync(build, { recursive: true });
  cpSync(join(root, 'addon'), join(root, ADDON), { recursive: true });
  rmSync(join(root, 'addon'));
}

/** As `find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` prints it in that folder. */
function digestOfTree(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => `.${join(parentPath, name).slice(folder.length)}`).sort();
  const lines = paths.map((path) => `${digestOf(join(folder, path)).sha256}  ${path}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
