/**
 * Every ceremony with people as they hold it: the commands that the script names, parameters from the printed template, SoftHSM, one
 * transcript after the other, each with what the one before gave. What comes of it is held against who is given it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseTranscript } from '../../src/ceremony/transcript.ts';
import { newestOf, readRoots } from '../../src/files/roots.ts';
import { parseEntry } from '../../src/fleet/entry.ts';
import { parseVkey } from '../../src/log/vkey.ts';
import { openNote, parseReleaseKey } from '../../src/release/note.ts';
import { holdfast } from '../cli/holdfast.ts';
import { type Answer, Day } from './day.ts';
import { exampleParameters } from './room.ts';

const WAIT_MS = 600_000;
const FIRST = 'the first fleet';
const SIGNING = 'signing keys';
type Json = Record<string, unknown>;

const folder = mkdtempSync(join(tmpdir(), 'holdfast-by-hand-'));
let day: Day;
beforeAll(async () => {
  day = await Day.prepare(folder, ['Ada', 'Bea', 'Cyd']);
}, WAIT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signer = (name: string) => ({ name, key: day.keys.get(name) });
const custodians = ['Eve', 'Fay', 'Gil'].map((name) => ({ name }));
const room = (ceremony: string, earlier?: string) => ({
  ceremony,
  people: { operator: signer('Ada'), observers: [signer('Bea'), signer('Cyd')] },
  custody: { ...(earlier !== undefined && { ceremony: earlier }), threshold: 2, custodians },
});

/** The template as it is printed, filled in. */
async function filled(plan: string, fill: (template: Json) => Json): Promise<string> {
  const { code, out, err } = await holdfast('ceremony', 'plan', plan, '--nodes', '3', '--softhsm');
  expect(code, err).toBe(0);
  const file = `${plan}.json`;
  writeFileSync(join(folder, file), JSON.stringify(fill(JSON.parse(out) as Json)));
  return file;
}

/** Performed, and verified by everyone's keys, as its last page says. */
async function held(plan: string, parameters: string, dir = plan, answers: readonly Answer[] = []): Promise<string> {
  const { code, err } = await day.run(plan, parameters, dir, answers);
  expect(code, err.slice(-2000)).toBe(0);
  const known = [...day.keys].flatMap(([name, key]) => ['--signer', `${name}=${key}`]);
  const verified = await holdfast('ceremony', 'verify', '--dir', join(folder, dir), ...known);
  expect(verified.code, verified.err).toBe(0);
  expect(verified.out.match(/as you know it/g)).toHaveLength(3);
  return err;
}

/** Rehearsed with the parameters of the day, which name real tokens: nothing of all that is there changes. */
async function rehearses(plan: string, parameters: string): Promise<void> {
  const digests = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map(
        ({ parentPath, name }) =>
          `${createHash('sha256')
            .update(readFileSync(join(parentPath, name)))
            .digest('hex')} ${parentPath}/${name}`,
      )
      .sort();
  const before = digests();
  const { code, err } = await holdfast('ceremony', 'rehearse', plan, '--parameters', join(folder, parameters));
  expect(code, err).toBe(0);
  expect(err).toMatch(/Rehearsed and verified: 3 people would have signed/);
  expect(digests()).toEqual(before);
}

const steps = (dir: string): string[] => parseTranscript(day.read(dir, 'transcript.jsonl')).lines.map(({ step }) => step);

it(
  'a first fleet: what holds is shown as the script says it, and its entry and requests follow',
  async () => {
    const parameters = await filled('first-fleet', (template) => ({
      ...template,
      ...room(FIRST),
      namespace: 'vault.example',
      pages: 1,
      measurements: [{ digest: 'ab'.repeat(32), rebuild: 'npm run release' }],
      nodes: (template['nodes'] as Json[]).map((node, i) => ({ ...node, region: `r${i}`, operator: 'o', url: `https://n${i}.example` })),
    }));
    const { out: script } = await holdfast('ceremony', 'script', 'first-fleet', '--parameters', join(folder, parameters));
    const shown = await held('first-fleet', parameters);
    const boxes = [...script.matchAll(/The program finds: (.*?)( \*\(or an exception\)\*)?$/gm)].map(([, must]) => must!);
    expect(boxes.length).toBeGreaterThan(100);
    for (const must of new Set(boxes)) expect(shown).toContain(`found: ${must}`);
    expect(shown).toMatch(/manufacturer: SoftHSM/);
    const [fleet] = parseEntry(day.read('first-fleet', 'fleet-entry.json')).fleets;
    expect(fleet?.nodes.map(({ name }) => name)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(fleet?.measurements).toEqual([{ digest: 'ab'.repeat(32), rebuild: 'npm run release' }]);
  },
  WAIT_MS,
);

const nodesThere = (template: Json): Json[] =>
  (template['nodes'] as Json[]).map(({ name }) => ({ name, token: { softhsm: `../first-fleet/${name}` } }));

it(
  'another TLS key for one node, asked for in its token, by the cards of the first ceremony',
  async () => {
    const parameters = await filled('tls-renewal', (template) => ({
      ...room('TLS keys', FIRST),
      entry: { file: 'first-fleet/fleet-entry.json' },
      nodes: nodesThere(template),
    }));
    await rehearses('tls-renewal', parameters);
    await held('tls-renewal', parameters);
    const keyIn = (dir: string): string =>
      execFileSync('openssl', ['req', '-noout', '-pubkey', '-in', join(folder, dir, 'node-1/tls.csr')], { encoding: 'utf8' });
    expect(keyIn('tls-renewal')).not.toBe(keyIn('first-fleet'));
  },
  WAIT_MS,
);

it(
  'signing keys of three kinds; a release by keys that are there; somebody who says no; and roots of all of it',
  async () => {
    const first = new Map(day.cards);
    const kinds = { code: 'holdfast-code', entries: 'release', operator: 'operator' };
    const tokens = Object.entries(kinds).map(([purpose, name]) => ({
      name: `${purpose}-1`,
      keyName: `vault.example/${name}`,
      for: purpose,
      token: { softhsm: `${purpose}-1` },
    }));
    const making = await filled('release-signing', ({ keys }) => ({ ...room(SIGNING), keys, tokens }));
    await held('release-signing', making);
    const vkeys = day.read('release-signing', 'keys.vkey').trim().split('\n');
    expect(vkeys.map((text) => parseVkey(text).name)).toEqual(tokens.map(({ keyName }) => keyName));

    const measurement = 'cd'.repeat(32);
    const signing = await filled('release-signing', () => ({
      ...room('release 1.2.3', SIGNING),
      keys: 'there',
      tokens: [{ ...tokens[0], vkey: vkeys[0], token: { softhsm: '../release-signing/code-1' } }],
      release: { version: '1.2.3', platform: 'linux-x64', measurement },
    }));
    await rehearses('release-signing', signing);
    const refused = await day.run('release-signing', signing, 'release', [{ to: /I built 1\.2\.3/, say: 'no' }]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/error: not-confirmed: release\/heard: Bea \(observer\)/) });
    await held('release-signing', signing, 'release', [
      { to: /stop or exception/, say: 'exception' },
      { to: /Who answers for it/, say: 'Bea' },
      { to: /What happened/, say: 'the paper was at home' },
    ]);
    expect(openNote(day.read('release', 'manifest.note'), [parseReleaseKey(vkeys[0]!)])).toContain(measurement);
    expect(steps('release').filter((step) => step === 'exception')).toHaveLength(1);

    const [, entries, operator] = vkeys;
    const { log, witness } = exampleParameters('root-keys');
    const rooted = await filled('root-keys', (template) => ({
      ...template,
      ...room('roots'),
      custody: {
        threshold: 2,
        custodians: [...(template['custody'] as { custodians: Json[] }).custodians].map((one, i) => ({ ...one, name: `Custodian ${i}` })),
      },
      namespace: 'vault.example',
      release: { threshold: 1, keys: [entries] },
      log,
      witness,
      operator,
      thirdParties: [],
    }));
    day.cards.clear();
    await held('root-keys', rooted);
    // As its last page says: the operator's chain of roots begins with it.
    copyFileSync(join(folder, 'root-keys/root.json'), join(folder, '1.root.json'));
    expect(newestOf(readRoots(folder, 'rootsDir'))).toMatchObject({ version: 1, namespace: 'vault.example' });
    day.cards.clear();
    for (const [name, file] of first) day.cards.set(name, file);
  },
  WAIT_MS,
);

it(
  'the end of the fleet: nothing is destroyed while it is active; then nothing is left',
  async () => {
    const line = day.read('first-fleet', 'fleet-entry.json').trim();
    const parameters = (entry: string) =>
      filled('retire-fleet', (template) => ({
        ...template,
        ...room('the end', FIRST),
        entry,
        fleet: parseEntry(line).fleets[0]?.fleet.id,
        nodes: nodesThere(template),
      }));
    expect(await day.run('retire-fleet', await parameters(line), 'too-early')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/expected an entry in which this fleet is retiring/),
    });
    await rehearses('retire-fleet', await parameters(line.replace('"state":"active"', '"state":"retiring"')));
    await held('retire-fleet', await parameters(line.replace('"state":"active"', '"state":"retiring"')));
    expect(parseEntry(day.read('retire-fleet', 'fleet-entry.json')).fleets[0]?.state).toBe('retired');
    expect(steps('retire-fleet')).toEqual(expect.arrayContaining(['node-1/empty', 'node-2/empty', 'node-3/empty']));
  },
  WAIT_MS,
);
