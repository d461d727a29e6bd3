/** What a log refuses to start on, naming it; and that it goes on, killed at any step, without a second tree of any size. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint, parseCheckpoint } from '../../src/log/checkpoint.ts';
import { leafHash, MemoryTree, treeRoot } from '../../src/log/merkle.ts';
import { isoTime } from '../../src/trust/continuity.ts';
import { DAY_MS, NOW_MS, World } from '../trust/world.ts';
import { bareEntry, beginSoftwareLog, openSoftwareLog, SIGNED } from './software-log.ts';

const top = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
afterAll(() => rmSync(top, { recursive: true }));
let folders = 0;
const newFolder = (from?: string) => {
  folders += 1;
  const folder = join(top, String(folders));
  if (from !== undefined) cpSync(from, folder, { recursive: true });
  return folder;
};

const world = new World();
/** States of one log with 0, 1, 2 and 3 entries. */
const states: string[] = [];

beforeAll(async () => {
  const folder = newFolder();
  await beginSoftwareLog(folder);
  await openSoftwareLog(world, folder);
  states.push(newFolder(folder));
  for (let i = 0; i < 3; i += 1) {
    const log = await openSoftwareLog(world, folder);
    const signed = await bareEntry(world);
    expect(await log.submit(signed.text)).toMatchObject({ index: i });
    world.append(signed);
    states.push(newFolder(folder));
  }
});

const PUBLIC = 'log/public';
const copy = (size: number) => newFolder(states[size]);
const edit = (folder: string, name: string, change: (bytes: Buffer) => Buffer | string) =>
  writeFileSync(join(folder, name), change(readFileSync(join(folder, name))));
const flip = (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte)));
const expectRefused = async (folder: string, words: RegExp) =>
  expect(openSoftwareLog(world, folder)).rejects.toMatchObject({ code: 'alarm', message: expect.stringMatching(words) });

describe('starts', () => {
  it('on what it left, and signs nothing anew', async () => {
    const folder = copy(3);
    const before = readFileSync(join(folder, SIGNED), 'utf8');
    const log = await openSoftwareLog(world, folder);
    expect(openCheckpoint((await log.checkpoint())!, world.log.vkey)).toMatchObject({ size: 3, root: await treeRoot(3, world.tree.read) });
    expect(readFileSync(join(folder, SIGNED), 'utf8')).toBe(before);
  });
});

describe('refuses to start', () => {
  it('on a checkpoint, or a decision, that was put back', async () => {
    const older = copy(3);
    cpSync(join(states[1]!, PUBLIC, 'checkpoint'), join(older, PUBLIC, 'checkpoint'));
    await expectRefused(older, /went back/);
    const undecided = copy(3);
    cpSync(join(states[2]!, 'log/decided.json'), join(undecided, 'log/decided.json'));
    await expectRefused(undecided, /went back/);
  });

  it('on a whole log that was put back behind what the witness cosigned', async () => {
    const folder = copy(3);
    rmSync(join(folder, 'log'), { recursive: true });
    cpSync(join(states[2]!, 'log'), join(folder, 'log'), { recursive: true });
    await expectRefused(folder, /went back behind what this witness cosigned/);
  });

  it('on another tree than the witness cosigned', async () => {
    const other = new World();
    const folder = newFolder(states[0]);
    const log = await openSoftwareLog(other, folder);
    await log.submit((await bareEntry(other, { validUntil: isoTime(NOW_MS + 9 * DAY_MS) })).text);
    const mixed = copy(1);
    rmSync(join(mixed, 'log'), { recursive: true });
    cpSync(join(folder, 'log'), join(mixed, 'log'), { recursive: true });
    await expectRefused(mixed, /cosigned another tree/);
  });

  it('on a tile or an entry that is missing or changed, naming it', async () => {
    for (const name of ['tile/0/000.p/3', 'tile/entries/000.p/3']) {
      const missing = copy(3);
      rmSync(join(missing, PUBLIC, name));
      await expect(openSoftwareLog(world, missing)).rejects.toMatchObject({
        message: expect.stringMatching(/missing/),
        evidence: { tile: name },
      });
    }
    const tile = copy(3);
    edit(tile, `${PUBLIC}/tile/0/000.p/3`, flip);
    await expect(openSoftwareLog(world, tile)).rejects.toMatchObject({ evidence: { tile: 'tile/0/000.p/3' } });
    const entries = copy(3);
    edit(entries, `${PUBLIC}/tile/entries/000.p/3`, flip);
    await expectRefused(entries, /do not hash to the published checkpoint/);
  });

  it('on a checkpoint of another key, and on records that are damaged or gone', async () => {
    const signature = copy(3);
    edit(signature, `${PUBLIC}/checkpoint`, (bytes) => bytes.toString('utf8').replace(/^(— \S+ ).{8}/m, '$1AAAAAAAA'));
    await expectRefused(signature, /published checkpoint is damaged/);
    const undecided = copy(3);
    rmSync(join(undecided, 'log/decided.json'));
    await expectRefused(undecided, /record of what was decided is gone/);
    const decided = copy(3);
    edit(decided, 'log/decided.json', () => '{}');
    await expectRefused(decided, /damaged/);
  });
});

/** Root by size, of everything that was ever signed, by log or witness. @throws when one size has two */
function treesSigned(folder: string): Map<number, string> {
  const trees = new Map<number, string>();
  for (const line of readFileSync(join(folder, SIGNED), 'utf8').trimEnd().split('\n')) {
    const message = JSON.parse(line) as string;
    const { size, root } = parseCheckpoint(message.replace(/^cosignature\/v1\ntime [0-9]+\n/, ''));
    const hex = Buffer.from(root).toString('hex');
    expect(trees.get(size) ?? hex, `two trees of size ${size}`).toBe(hex);
    trees.set(size, hex);
  }
  return trees;
}

it('killed at any step it goes on, and never signs two trees of one size', async () => {
  const one = await bareEntry(world, { sequence: 3, previous: world.leaves[1]!.entry.digest });
  const other = await bareEntry(world, { sequence: 3, previous: world.leaves[1]!.entry.digest, validUntil: isoTime(NOW_MS + 9 * DAY_MS) });
  const file = join(top, 'entry');
  const die = (folder: string, step: number, text: string) => {
    writeFileSync(file, text);
    const ran = spawnSync(process.execPath, [join(import.meta.dirname, 'victim.ts'), folder, String(step), file], { encoding: 'utf8' });
    if (ran.signal !== 'SIGKILL' && ran.status !== 0) throw new Error(ran.stderr);
    return { killed: ran.signal === 'SIGKILL', said: ran.stdout.trim() };
  };
  const seen = new Set<string>();
  const outcomes = { one: 0, other: 0 };
  for (let step = 1; ; step += 1) {
    const folder = copy(2);
    const { killed, said } = die(folder, step, one.text);
    if (!killed) break;
    seen.add(said);
    // Whoever submitted does not know, and submits something else; that process may die too.
    if (step % 3 === 0) die(folder, 1 + (step % 5), other.text);
    const log = await openSoftwareLog(world, folder);
    const first = await log.submit(one.text);
    const { size, root } = openCheckpoint((await log.checkpoint())!, world.log.vkey);
    expect([step, said, size]).toEqual([step, said, 3]);
    const tree = new MemoryTree();
    const last = 'index' in first ? one : other;
    for (const leaf of [world.leaves[0]!, world.leaves[1]!, last]) tree.append(leafHash(leaf.leaf));
    expect(root).toEqual(await treeRoot(3, tree.read));
    expect(treesSigned(folder).get(3)).toBe(Buffer.from(root).toString('hex'));
    outcomes['index' in first ? 'one' : 'other'] += 1;
  }
  expect([...seen]).toEqual(
    expect.arrayContaining([
      'rename log/decided.json',
      'write log/public/tile/0/000.p/3',
      `sign as ${world.log.vkey.name}`,
      `sign as ${world.witness.vkey.name}`,
    ]),
  );
  expect([...seen].some((what) => /^rename cosigned\/.*latest/.test(what))).toBe(true);
  expect(outcomes.one).toBeGreaterThan(10);
}, 600_000);
