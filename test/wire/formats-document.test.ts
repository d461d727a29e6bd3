import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeMessage, messageTypes } from '../../src/wire/message.ts';

const FILE = join(import.meta.dirname, '../../docs/formats.md');

function withStatements(document: string): string {
  const rows = messageTypes.map((type) => `| \`${type}\` | ${describeMessage(type).replaceAll(' | ', ' · ')} |`);
  const table = ['| statement | own fields |', '|---|---|', ...rows].join('\n');
  return document.replace(/<!-- statements -->[\s\S]*<!-- \/statements -->/, `<!-- statements -->\n${table}\n<!-- /statements -->`);
}

// HOLDFAST_UPDATE_DOCS=1 writes the page instead.
it('docs/formats.md lists every signed statement as it is', () => {
  const document = readFileSync(FILE, 'utf8');
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(FILE, withStatements(document));
  expect(withStatements(readFileSync(FILE, 'utf8'))).toBe(readFileSync(FILE, 'utf8'));
});
