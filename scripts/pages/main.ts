/** npm run verify-page -- [--out FILE]: builds the page that verifies in a browser, and prints its SHA-256. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildVerifyPage } from './build.ts';

const PROJECT = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(PROJECT, 'share/verify.html') } } });
const page = await buildVerifyPage(PROJECT);
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, page);
process.stdout.write(`${createHash('sha256').update(page).digest('hex')}\n`);
