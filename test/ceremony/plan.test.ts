/** The rules of every ceremony, on a plan whose site is a plain object. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { perform } from '../../src/ceremony/perform.ts';
import type { Plan, Step } from '../../src/ceremony/plan.ts';
import { parseTranscript, Transcript } from '../../src/ceremony/transcript.ts';

interface Site {
  readonly things: Map<string, number>;
  readonly done: string[];
  /** The step that dies after it did its work, before it is recorded. */
  killAfter?: string;
}

function step(id: string, before: string[] = [], value = 1): Step<Site> {
  return {
    id,
    role: 'operator',
    title: `make ${id}`,
    before,
    do: async (site) => {
      site.done.push(id);
      site.things.set(id, value);
      if (site.killAfter === id) throw new Error('killed');
    },
    readBack: async ({ things }) => (things.has(id) ? { value: things.get(id) ?? 0 } : undefined),
    after: [{ must: 'its value is 1', holds: (facts) => facts['value'] === 1 }],
  };
}

const plan = (...steps: Step<Site>[]): Plan<Site> => ({ name: 'test', title: 'A test', parameters: { a: 1 }, steps });
const clock = () => Date.parse('2026-01-01T00:00:00Z');

let folder = '';
let file = '';
let site: Site = { things: new Map(), done: [] };
const transcript = () => new Transcript(file, clock);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-plan-'));
  file = join(folder, 'transcript.jsonl');
  site = { things: new Map(), done: [] };
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('performing', () => {
  it('does every step once and in order, and records what was read back', async () => {
    await perform(plan(step('a'), step('b', ['a']), step('c', ['b'])), site, transcript());
    expect(site.done).toEqual(['a', 'b', 'c']);
    const { lines } = parseTranscript(readFileSync(file, 'utf8'));
    expect(lines.map((line) => line.step)).toEqual(['begin', 'a', 'b', 'c', 'end']);
    expect(lines[1]).toMatchObject({ found: false, facts: { value: 1 } });
  });

  it('run again, changes nothing', async () => {
    const steps = plan(step('a'), step('b', ['a']));
    await perform(steps, site, transcript());
    const before = readFileSync(file, 'utf8');
    await perform(steps, site, transcript());
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(site.done).toEqual(['a', 'b']);
  });

  it('finds a step that was done and not recorded, and does it no second time', async () => {
    site.killAfter = 'b';
    const steps = plan(step('a'), step('b', ['a']), step('c', ['b']));
    await expect(perform(steps, site, transcript())).rejects.toThrow('killed');
    expect(site.things.has('c')).toBe(false);
    delete site.killAfter;
    await perform(steps, site, transcript());
    expect(site.done).toEqual(['a', 'b', 'c']);
    const found = parseTranscript(readFileSync(file, 'utf8')).lines.map((line) => [line.step, line.found]);
    expect(found).toEqual([
      ['begin', false],
      ['a', false],
      ['b', true],
      ['c', false],
      ['end', false],
    ]);
  });

  it('stops where something is not true after a step, names it, and records nothing of it', async () => {
    const run = perform(plan(step('a', [], 2), step('b', ['a'])), site, transcript());
    await expect(run).rejects.toMatchObject({ code: 'alarm', message: expect.stringMatching(/^a: .*its value is 1/) });
    expect(transcript().lines.map((line) => line.step)).toEqual(['begin']);
  });

  it('does not go on with the transcript of another plan', async () => {
    await perform(plan(step('a')), site, transcript());
    await expect(perform(plan(step('a'), step('b')), site, transcript())).rejects.toMatchObject({ code: 'configuration' });
  });

  it('forgets a line that was never finished', async () => {
    const steps = plan(step('a'), step('b', ['a']));
    await perform(steps, site, transcript());
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, `${lines.slice(0, 2).join('\n')}\n${lines[2]?.slice(0, 40)}`);
    await perform(steps, site, transcript());
    expect(transcript().lines.map((line) => line.step)).toEqual(['begin', 'a', 'b', 'end']);
    expect(site.done).toEqual(['a', 'b']);
  });
});

describe('a transcript', () => {
  it.each([
    ['a changed word', (lines: string[]) => lines.with(1, lines[1]!.replace('operator', 'observer'))],
    ['a line left out', (lines: string[]) => lines.toSpliced(1, 1)],
    ['two lines exchanged', (lines: string[]) => [lines[0]!, lines[2]!, lines[1]!, lines[3]!]],
    ['a line put in', (lines: string[]) => lines.toSpliced(2, 0, lines[1]!)],
    ['white space', (lines: string[]) => lines.with(1, lines[1]!.replace(':', ': '))],
    ['a member twice', (lines: string[]) => lines.with(1, lines[1]!.replace('{', '{"role":"observer",'))],
  ])('shows %s', async (_what, tamper) => {
    await perform(plan(step('a'), step('b', ['a'])), site, transcript());
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(() => parseTranscript(`${tamper(lines).join('\n')}\n`)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
