/** docs/attacks.md tells of tests that exist, run, and have just the titles that it names; and of sources that are there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const project = join(import.meta.dirname, '../..');
const document = readFileSync(join(project, 'docs/attacks.md'), 'utf8');

interface Row {
  readonly attack: string;
  readonly stops: string;
  readonly tests: string;
}

/** Of the tables that say so in their heads. */
const rows: readonly Row[] = document
  .split('\n\n')
  .filter((block) => block.startsWith('| attack |'))
  .flatMap((table) => table.trimEnd().split('\n').slice(2))
  .map((line) => {
    const [, attack = '', stops = '', tests = '', ...rest] = line.split(' | ').flatMap((cell) => cell.split(/^\| | \|$/));
    expect(rest.join(''), line).toBe('');
    return { attack, stops, tests };
  });

/** A file in backquotes, then titles in double quotes. */
function named({ tests }: Row): readonly (readonly [file: string, title: string])[] {
  let file = '';
  return [...tests.matchAll(/`(test\/[\w./-]+)`|"([^"]+)"/g)].flatMap(([, path, title]) => {
    file = path ?? file;
    return title === undefined ? [] : [[file, title] as const];
  });
}

/** Without comments: a test that is commented out is none. */
const sourceOf = (file: string): string => {
  const path = join(project, file);
  return existsSync(path) ? readFileSync(path, 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '') : '';
};

/** Whether the file has this title as a whole literal, and leaves out none of its tests. */
function hasTest(source: string, title: string): boolean {
  if (/\b(it|test|describe)(\.\w+)*\.(skip|todo)\b/.test(source)) return false;
  const spelled = [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``];
  return spelled.some((literal) => source.includes(literal));
}

test('it has a table, and every row names an attack, what stops it, and tests', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    expect(row.attack.length, row.attack).toBeGreaterThan(20);
    expect(row.stops.length, row.attack).toBeGreaterThan(20);
    expect(named(row).length, row.attack).toBeGreaterThan(0);
    expect(row.tests.replace(/`test\/[\w./-]+`|"[^"]+"|[; ]/g, ''), row.attack).toBe('');
  }
});

describe('the tests that stop', () => {
  test.each(rows)('$attack', (row) => {
    for (const [file, title] of named(row)) expect(hasTest(sourceOf(file), title), `${file}: ${title}`).toBe(true);
  });
});

test('every source that it names is there', () => {
  for (const [, file = ''] of document.matchAll(/`((?:src|test)\/[\w./-]+)`/g)) expect(existsSync(join(project, file)), file).toBe(true);
});

test('a test that is not there, is skipped, or is a comment would be noticed', () => {
  expect(hasTest("it('holds', run)", 'holds')).toBe(true);
  expect(hasTest("it('holds well', run)", 'holds')).toBe(false);
  expect(hasTest("it.skip('holds', run)", 'holds')).toBe(false);
  expect(hasTest("describe.skip('all', () => { it('holds', run); })", 'holds')).toBe(false);
  expect(hasTest("it.skipIf(absent)('holds', run)", 'holds')).toBe(true);
  expect(hasTest(sourceOf('test/nowhere.test.ts'), 'holds')).toBe(false);
});
