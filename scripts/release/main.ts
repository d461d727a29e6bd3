/**
 * npm run release -- [--out DIR] [--commit REV]
 *
 * Builds the release of a commit: DIR/holdfast-VERSION-PLATFORM.tar, the same bytes wherever it is built with the same lock,
 * runtime and compiler (the manifest in it names them). Prints the measurement. Signing is another step, at another place:
 * `holdfast release sign`. docs/operations.md tells the whole way.
 */
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { packRelease } from '../../src/release/archive.ts';
import { collect } from '../../src/release/collect.ts';
import { measure, spellManifest } from '../../src/release/manifest.ts';
import { stage } from './stage.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist' },
    commit: { type: 'string', default: 'HEAD' },
    work: { type: 'string', default: tmpdir() },
  },
});
const say = (what: string) => process.stderr.write(`release: ${what}\n`);

const work = mkdtempSync(join(resolve(values.work), 'holdfast-release-'));
try {
  const { root, facts } = await stage(values.commit, work, say);
  const manifest = collect(root, facts);
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, `holdfast-${facts.version}-${facts.platform}.tar`);
  await pipeline(packRelease(root, manifest), createWriteStream(file));
  const measurement = measure(Buffer.from(spellManifest(manifest)));
  say(`${manifest.files.length} files`);
  say(`next: holdfast release sign ${file}`);
  process.stdout.write(`${JSON.stringify({ file, measurement, commit: facts.commit })}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
