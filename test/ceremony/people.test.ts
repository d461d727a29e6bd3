/** What people may say in a ceremony and what comes of it, on a plan whose site is a plain object. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lintPlan } from '../../src/ceremony/lint.ts';
import { perform } from '../../src/ceremony/perform.ts';
import type { Plan, Step } from '../../src/ceremony/plan.ts';
import { Proceedings } from '../../src/ceremony/proceedings.ts';
import { parseTranscript, Transcript } from '../../src/ceremony/transcript.ts';
import { aKey, ScriptedRoom } from './room.ts';

type Site = Map<string, number>;
const OPERATOR = { role: 'operator', name: 'Olga' } as const;
const OBSERVER = { role: 'observer', name: 'Vera' } as const;

let folder = '';
let room = new ScriptedRoom();
let site: Site = new Map();
const clock = () => Date.parse('2026-01-01T00:00:00Z');
const file = () => join(folder, 'transcript.jsonl');
const recorded = () => parseTranscript(readFileSync(file(), 'utf8')).lines;

const step = (id: string, more: Partial<Step<Site>> = {}): Step<Site> => ({
  id,
  role: 'operator',
  title: `make ${id}`,
  before: [],
  do: async (here) => {
    here.set(id, (here.get(id) ?? 0) + 1);
  },
  readBack: async (here) => (here.has(id) ? { value: here.get(id)! } : undefined),
  after: [{ must: 'it is made once', holds: ({ value }) => value === 1 }],
  ...more,
});

const plan = (...steps: Step<Site>[]): Plan<Site> => ({
  name: 'test',
  title: 'A test',
  people: {
    operator: { name: OPERATOR.name, key: room.keyOf(OPERATOR.name) },
    observers: [{ name: OBSERVER.name, key: room.keyOf(OBSERVER.name) }],
    custodians: [],
  },
  parameters: {},
  steps,
});

function run(of: Plan<Site>): Promise<unknown> {
  const transcript = new Transcript(file(), clock);
  return perform(of, site, transcript, { proceedings: new Proceedings(of.people!, room, transcript) });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-people-'));
  room = new ScriptedRoom();
  site = new Map();
});
afterEach(() => rmSync(folder, { recursive: true }));

const says = { by: 'observer', statement: 'I see it' } as const;

describe('a confirmation', () => {
  it('comes before the step is done, and its giver is on record', async () => {
    await run(plan(step('a', { confirm: [says] })));
    expect(recorded()[1]).toMatchObject({ step: 'a', who: ['Vera'] });
  });

  it('that is refused stops the ceremony before anything is done', async () => {
    room.refuse = /I see it/;
    await expect(run(plan(step('a', { confirm: [says] })))).rejects.toMatchObject({
      code: 'not-confirmed',
      message: expect.stringContaining('Vera'),
    });
    expect(site.size).toBe(0);
  });
});

describe('an exception', () => {
  const told = { by: OBSERVER, text: 'the light went out' };

  it('that is told is on record before what it was told at', async () => {
    room.exception = { at: /I see it/, told };
    await run(plan(step('a', { confirm: [says] })));
    expect(
      recorded()
        .map((line) => line.step)
        .slice(0, 3),
    ).toEqual(['begin', 'exception', 'a']);
    expect(recorded()[1]).toMatchObject({ role: 'observer', who: ['Vera'], facts: { about: 'a', text: 'the light went out' } });
  });

  const condition = { must: 'it is green', holds: () => false };

  it('lets a condition pass that says so, by its name, and no other', async () => {
    room.excused = told;
    const excusable = step('a', { after: [...step('a').after, { ...condition, excusable: true }] });
    await run(plan(excusable));
    expect(recorded()[1]).toMatchObject({ step: 'exception', facts: { must: 'it is green' } });
    rmSync(file());
    site = new Map();
    await expect(run(plan(step('a', { after: [condition] })))).rejects.toMatchObject({ code: 'alarm' });
    expect(recorded().map((line) => line.step)).toEqual(['begin']);
  });

  it('cannot be skipped: with nobody who answers for it, the ceremony stops', async () => {
    await expect(run(plan(step('a', { after: [step('a').after[0]!, { ...condition, excusable: true }] })))).rejects.toMatchObject({
      code: 'alarm',
    });
  });

  it('is what an interruption is: nobody goes on without saying why', async () => {
    room.refuse = /I see it/;
    const steps = plan(step('a'), step('b', { confirm: [says] }));
    await expect(run(steps)).rejects.toMatchObject({ code: 'not-confirmed' });
    await expect(run(steps)).rejects.toMatchObject({ code: 'not-confirmed', message: expect.stringContaining('nobody says why') });
    room.excused = told;
    await run(steps);
    expect(recorded().map((line) => line.step)).toEqual(['begin', 'a', 'exception', 'b', 'end', 'signature', 'signature']);
    expect([...site.values()]).toEqual([1, 1]);
  });
});

describe('signing', () => {
  it('is done by operator and observers, after the steps that say so and at the end', async () => {
    await run(plan(step('a', { sign: true }), step('b')));
    expect(recorded().map(({ step: id, who }) => [id, ...(who ?? [])].join(' '))).toEqual([
      'begin',
      'a',
      'signature Olga',
      'signature Vera',
      'b',
      'end',
      'signature Olga',
      'signature Vera',
    ]);
  });

  it('by another key than the parameters name is refused', async () => {
    const steps = plan(step('a'));
    const people = { ...steps.people!, observers: [{ name: OBSERVER.name, key: aKey }] };
    await expect(run({ ...steps, people })).rejects.toMatchObject({ code: 'not-confirmed', message: expect.stringContaining('Vera') });
  });

  it('that was interrupted is made up for, once', async () => {
    const steps = plan(step('a'));
    const hand = room.hand.bind(room);
    room.hand = async (of) => {
      if (of.name === 'Vera') throw new Error('killed');
      return hand(of);
    };
    await expect(run(steps)).rejects.toThrow('killed');
    room.hand = hand;
    await run(steps);
    expect(recorded().map((line) => line.step)).toEqual(['begin', 'a', 'end', 'signature', 'signature']);
  });
});

describe('a plan is refused before anything runs', () => {
  const key = 'node-1: holdfast-identity';
  it.each<[string, () => Step<Site>[], RegExp]>([
    ['with two steps of one name', () => [step('a'), step('a')], /two steps are called a/],
    ['with a step that waits for a later one', () => [step('a', { before: ['b'] }), step('b')], /a waits for b/],
    ['with a step after which nothing must be true', () => [step('a', { after: [] })], /nothing that must be true/],
    ['with a role that nobody has', () => [step('a', { role: 'custodian' })], /wants a custodian/],
    ['with two steps that make the same', () => [step('a', { makes: ['x'] }), step('b', { makes: ['x'] })], /b makes x, which a makes/],
    ['with a key that is not read back', () => [step('a', { makes: [key] })], /does not read back CKA_LOCAL, .*CKA_ALLOWED_MECHANISMS/],
    ['with a token on which nothing is tried', () => [step('a', { makes: [key] })], /nobody tries what node-1 must refuse/],
    [
      'with trials that do not wait for the key',
      () => [step('a', { makes: [key] }), step('b', { tries: 'node-1' })],
      /b does not wait for a/,
    ],
    [
      'with a step that exceptions excuse altogether',
      () => [step('a', { after: [{ must: 'x', holds: () => true, excusable: true }] })],
      /could excuse all of it/,
    ],
  ])('%s', async (_what, steps, problem) => {
    expect(lintPlan(plan(...steps()) as Plan<never>).join('; ')).toMatch(problem);
    await expect(run(plan(...steps()))).rejects.toThrow(problem);
    expect(site.size).toBe(0);
  });
});
