/** The dry run and the script of a ceremony, as they are printed: compared, so that neither lies. */
import { describe, expect, it } from 'vitest';
import { dryRun } from '../../src/ceremony/dry-run.ts';
import { kindOf, kinds } from '../../src/ceremony/kinds.ts';
import { printScript } from '../../src/ceremony/script.ts';
import { expectGoldenText } from './golden.ts';
import { exampleParameters } from './room.ts';

const withPeople = kinds.filter(({ room }) => room !== undefined).map(({ name }) => name);

describe.each(withPeople)('%s', (name) => {
  it('does, call by call, what its dry run says', async () => {
    expectGoldenText(import.meta.url, `${name}.dry-run.txt`, await dryRun(name, exampleParameters(name)));
  }, 600_000);

  it('is told to the people in the room by its script', () => {
    expectGoldenText(import.meta.url, `${name}.script.md`, printScript(kindOf(name).plan(exampleParameters(name))));
  });

  it('refuses parameters that are not filled in, and names what is not', () => {
    const template = kindOf(name).room?.template({ nodes: 3, softhsm: true, nowMs: 0 });
    expect(() => kindOf(name).plan(template)).toThrow(/ceremony is not filled in yet/);
  });
});
