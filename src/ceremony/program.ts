/** Which program performs a ceremony: one digest over its sources and the lock of its dependencies, to be compared before it begins. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Id, toId } from '../base/bytes.ts';

const ROOT = join(import.meta.dirname, '../..');

/** SHA-256 of the lines `<SHA-256 of the file>  <path>` (as `sha256sum` prints them) of all of src and of package-lock.json, sorted by path. */
export function programDigest(): Id {
  const sources = (readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true }) ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
  const sum = (path: string): string =>
    createHash('sha256')
      .update(readFileSync(join(ROOT, path)))
      .digest('hex');
  const lines = [...sources, 'package-lock.json'].sort().map((path) => `${sum(path)}  ${path}\n`);
  return toId(createHash('sha256').update(lines.join('')).digest('hex'));
}
