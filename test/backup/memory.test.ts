/** Memory does not grow with the backup: measured in the deep run, with a large file and with many small ones. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recipientOf } from '../../src/backup/key.ts';
import { toHex } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';

const MIB = 1 << 20;
const root = mkdtempSync(join(tmpdir(), 'holdfast-memory-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bytes = systemRandom(32);
const recipient = await recipientOf(new Secret(bytes));
const room = join(import.meta.dirname, '../../src');

/** Of its own memory: getrusage counts what the parent had when it forked. */
const PRINT_PEAK = `
  import { readFileSync } from 'node:fs';
  console.log(Number(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024);`;

/** Peak resident memory, in bytes, of a process of its own with a small heap. */
function peak(program: string): number {
  const imports = `
    import { archive } from '${room}/backup/archive.ts';
    import { restore } from '${room}/backup/restore.ts';
    import { Secret } from '${room}/base/secret.ts';
    const key = new Secret(Buffer.from('${toHex(bytes)}', 'hex'));
    const ignore = () => undefined;`;
  const measured = `${imports}\n${program}\n${PRINT_PEAK}`;
  return Number(execFileSync(process.execPath, ['--max-old-space-size=32', '--input-type=module-typescript', '-e', measured]));
}

function peaks(folder: string): { archived: number; restored: number } {
  const store = `${folder}-store`;
  const archived = peak(`await archive('${folder}', '${recipient}', '${store}', ignore);`);
  const restored = peak(`await restore('${store}', key, '${folder}-back', ignore);`);
  rmSync(store, { recursive: true });
  return { archived, restored };
}

describe.runIf(process.env['HOLDFAST_LONG'] === '1')('memory', () => {
  const idle = () => peak('');

  it('holds a few chunks of a large file', () => {
    const folder = join(root, 'large');
    mkdirSync(folder);
    for (let i = 0; i < 3; i++) writeFileSync(join(folder, `${i}`), Buffer.alloc(100 * MIB, systemRandom(60_000)));
    const { archived, restored } = peaks(folder);
    expect(statSync(join(`${folder}-back`, '2')).size).toBe(100 * MIB);
    expect(archived - idle()).toBeLessThan(64 * MIB);
    expect(restored - idle()).toBeLessThan(64 * MIB);
  });

  it('holds a few chunks of a file of 5 GiB, whose holes come back as holes', () => {
    const folder = join(root, 'holes');
    mkdirSync(folder);
    writeFileSync(join(folder, 'disk.img'), 'begins');
    truncateSync(join(folder, 'disk.img'), 5 * 1024 * MIB);
    const { archived, restored } = peaks(folder);
    const back = statSync(join(`${folder}-back`, 'disk.img'));
    expect(back.size).toBe(5 * 1024 * MIB);
    expect(back.blocks * 512).toBeLessThan(4 * MIB);
    expect(archived - idle()).toBeLessThan(64 * MIB);
    expect(restored - idle()).toBeLessThan(64 * MIB);
  });

  it('holds nothing of a hundred thousand small ones', () => {
    const folder = join(root, 'many');
    for (let i = 0; i < 500; i++) {
      mkdirSync(join(folder, `${i}`), { recursive: true });
      for (let j = 0; j < 200; j++) writeFileSync(join(folder, `${i}`, `${j}`), 'x'.repeat(j));
    }
    const { archived, restored } = peaks(folder);
    expect(archived - idle()).toBeLessThan(64 * MIB);
    expect(restored - idle()).toBeLessThan(64 * MIB);
  });
});
