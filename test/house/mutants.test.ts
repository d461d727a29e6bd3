/** The table of mutants fits the code that it breaks; `npm run mutants` runs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { table } from '../../scripts/mutants/table.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('the table of mutants', () => {
  it.each(table)('$file: $name', ({ file, find, replace }) => {
    expect(readFileSync(join(ROOT, file), 'utf8').split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });

  it('names each of at least a hundred once', () => {
    expect(table.length).toBeGreaterThanOrEqual(100);
    expect(new Set(table.map(({ file, name }) => `${file} ${name}`)).size).toBe(table.length);
  });
});
