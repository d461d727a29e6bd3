/** Whatever is looked at is explained: what it means, and what it does not prove. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { meaningOf } from '../../src/audit/meaning.ts';
import { checkNames } from '../../src/trust/check.ts';

const SRC = join(import.meta.dirname, '../../src');
const sources = ['audit', 'cli/audit', 'pages']
  .flatMap((room) => readdirSync(join(SRC, room), { recursive: true, withFileTypes: true }))
  .filter((one) => one.isFile())
  .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
  .join('\n');
/** As they are written in the sources: finding('name', ...), finding(`name ${...}`, ...), const name = `name ${...}`. */
const named = [...sources.matchAll(/(?:finding\(\s*|const name = )['`]([a-z-]+)[ '`]/g)].map(([, name = '']) => name);

it('has names to explain', () => expect(new Set(named).size).toBeGreaterThan(12));

it.each([...new Set([...checkNames, ...named])])('%s is explained', (name) => {
  const { means, provesNot } = meaningOf(name)!;
  for (const sentence of [means, provesNot]) expect(sentence).toMatch(/^[A-Z].*[.]$/);
});
