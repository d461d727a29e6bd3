/**
 * Law 5 of every parser: its seeds and all that fuzzing kept (corpus/) are read and spelled again, or refused with a code, within
 * little time and memory. `npm run fuzz` looks for more; what it finds comes into the corpus.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { hold, type Parser } from './parser.ts';
import { parsers } from './parsers.ts';
import type { Replayed } from './replay.ts';

const CORPUS = join(import.meta.dirname, 'corpus');
const ROOT = join(import.meta.dirname, '../..');
const names = Object.keys(parsers);

/** Of the processor, for one input; verifying a whole bundle takes a third of it. */
const CPU_MS_MAX = 2000;
/** All of our code and of the packages, and whatever an input makes of them. */
const HEAP_MB_MAX = 128;

const replayed = new Map<string, Replayed>();
beforeAll(() => {
  const { stdout } = spawnSync(process.execPath, [`--max-old-space-size=${HEAP_MB_MAX}`, join(import.meta.dirname, 'replay.ts')], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for (const line of stdout.split('\n').filter((one) => one.endsWith('}'))) {
    const one = JSON.parse(line) as Replayed;
    replayed.set(one.name, one);
  }
}, 300_000);

describe('seeds and kept inputs', () => {
  it.each(names)('of %s are read to the same bytes or refused with a code', (name) => {
    const { broken, read, slowestMs } =
      replayed.get(name) ?? expect.fail('the program ended before it: more time or memory than any input may take');
    expect(broken).toEqual([]);
    expect(read).toBeGreaterThan(0);
    expect(slowestMs).toBeLessThan(CPU_MS_MAX);
  });
});

describe('the corpus', () => {
  const files = readdirSync(CORPUS, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());

  it('has a folder for each parser, and no other', () => {
    expect(readdirSync(CORPUS).sort()).toEqual([...names].sort());
  });

  it('is small', () => {
    const sizes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
    expect(files.length).toBeLessThan(800);
    expect(Math.max(...sizes)).toBeLessThan(64 * 1024);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1 << 20);
  });
});

describe('the property', () => {
  const parser = (read: Parser['read'], spelling: Parser['spelling'] = 'one'): Parser => ({
    spelling,
    refuses: ['malformed'],
    seeds: () => [],
    read,
  });
  const input = Uint8Array.of(1, 2);
  const refusing = (code: 'malformed' | 'alarm', message: string) =>
    parser(() => {
      throw new HoldfastError(code, message);
    });

  it.each([
    ['another spelling', parser(() => Uint8Array.of(1)), /another spelling was read/],
    ['a value that reads otherwise when it is spelled again', parser((bytes) => Uint8Array.of(...bytes, 0), 'many'), /reads otherwise/],
    [
      'an exception that is no refusal',
      parser(() => {
        throw new TypeError('x is undefined');
      }),
      /no refusal/,
    ],
    ['an alarm', refusing('alarm', 'impossible'), /refused with alarm/],
    [
      'a message as long as the input likes',
      parser(() => {
        // An error cuts what it is given: this one is as if it did not.
        throw Object.defineProperty(new HoldfastError('malformed', ''), 'message', { value: 'x'.repeat(2000) });
      }),
      /2000 letters/,
    ],
  ])('is broken by %s', async (_, broken, why) => {
    await expect(hold(broken, input)).rejects.toThrow(why);
  });
});

describe.runIf(process.env['HOLDFAST_LONG'] === '1')('fuzzing, guided by coverage', () => {
  it('breaks no parser', () => {
    const seconds = process.env['HOLDFAST_FUZZ_SECONDS'] ?? '20';
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/fuzz/main.ts'), '--seconds', seconds], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    expect(stderr).toMatch(/nothing broke/);
    expect(status).toBe(0);
  });
});
