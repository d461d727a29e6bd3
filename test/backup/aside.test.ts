/** What killed commands left is told from what others are still writing, and goes away whatever its permissions are. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { archive } from '../../src/backup/archive.ts';
import { isAbandoned, ownName } from '../../src/backup/aside.ts';
import { recipientOf } from '../../src/backup/key.ts';
import { restore } from '../../src/backup/restore.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';

const DAY_MS = 86_400_000;
const NOBODY = 65_534;
const ignore = () => undefined;
const key = new Secret(systemRandom(32));
const [machine, pid, started] = ownName().split('-');
const gone = spawnSync('true').pid;
/** Of a process that is gone, of one that has its pid by now, of one that runs, and of one that nobody here knows. */
const NAMES = {
  killed: `${machine}-${gone}-1-00`,
  reused: `${machine}-${pid}-1-00`,
  runs: `${machine}-${pid}-${started}-00`,
  far: '00112233-1-1-00',
};

let root = '';
const path = (...parts: string[]) => join(root, ...parts);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-aside-'));
  mkdirSync(path('folder'));
  writeFileSync(path('folder', 'a.txt'), 'alpha');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it.runIf(process.platform === 'linux')('is known by its process, and where that cannot be asked after by a day without a touch', () => {
  const abandoned = (agoMs: number) => Object.fromEntries(Object.entries(NAMES).map(([who, name]) => [who, isAbandoned(name, 0, agoMs)]));
  expect(abandoned(0)).toEqual({ killed: true, reused: true, runs: false, far: false });
  expect(abandoned(2 * DAY_MS)).toEqual({ killed: true, reused: true, runs: false, far: true });
});

it.runIf(process.platform === 'linux')('goes at the next backup to the same folder', async () => {
  mkdirSync(path('store'));
  for (const name of Object.values(NAMES)) writeFileSync(path('store', `backup.tar.age.${name}.partial`), 'x');
  utimesSync(path('store', `backup.tar.age.${NAMES.runs}.partial`), 1, 1);
  await archive(path('folder'), await recipientOf(key), path('store'), ignore);
  const left = [NAMES.far, NAMES.runs].map((name) => `backup.tar.age.${name}.partial`);
  expect(readdirSync(path('store')).sort()).toEqual(['backup.tar.age', ...left].sort());
});

it.runIf(process.platform === 'linux')('goes at the next restore beside it; a link of that name leads nowhere', async () => {
  await archive(path('folder'), await recipientOf(key), path('store'), ignore);
  for (const name of Object.values(NAMES)) mkdirSync(path(`.holdfast-restore-${name}`, 'in'), { recursive: true });
  mkdirSync(path('mine'), { mode: 0o750 });
  symlinkSync('mine', path(`.holdfast-restore-${machine}-${gone}-2-00`));
  await restore(path('store'), key, path('back'), ignore);
  const left = [NAMES.far, NAMES.runs, `${machine}-${gone}-2-00`].map((name) => `.holdfast-restore-${name}`);
  expect(readdirSync(root).sort()).toEqual([...left, 'back', 'folder', 'mine', 'store'].sort());
});

/** Where the project lies in a folder of root's own, nobody else can run it. */
const othersRun = process.getuid?.() === 0 && spawnSync(process.execPath, ['--version'], { uid: NOBODY, gid: NOBODY }).error === undefined;

it.runIf(othersRun)('goes also where a restored folder may not be written to', () => {
  const aside = path('aside');
  mkdirSync(join(aside, 'deep', 'er'), { recursive: true });
  writeFileSync(join(aside, 'deep', 'er', 'file'), 'x');
  chmodSync(root, 0o777);
  for (const folder of [join(aside, 'deep', 'er'), join(aside, 'deep'), aside]) {
    chownSync(folder, NOBODY, NOBODY);
    chmodSync(folder, 0o555);
  }
  const program = `import { removeTree } from '${join(import.meta.dirname, '../../src/backup/aside.ts')}'; await removeTree('${aside}');`;
  const done = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], { uid: NOBODY, gid: NOBODY });
  expect({ status: done.status, err: String(done.stderr) }).toEqual({ status: 0, err: '' });
  expect(existsSync(aside)).toBe(false);
});
