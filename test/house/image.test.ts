/** With --long, where buildah is installed and this is root: five nodes in containers of the image, and a restore through them. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const image = join(root, 'scripts/image');
const able = process.getuid?.() === 0 && existsSync('/usr/bin/buildah');
const MINUTES_MS = 60_000;

it.skipIf(process.env['HOLDFAST_LONG'] === undefined || !able)(
  'the image makes a fleet through which a folder is backed up and restored',
  () => {
    execFileSync(image, ['build'], { cwd: root, stdio: 'ignore' });
    const said = execFileSync(image, ['fleet'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(said.trimEnd().split('\n').at(-1)).toBe('image: ok');
  },
  40 * MINUTES_MS,
);
