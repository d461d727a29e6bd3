/** Makes a manifest of what lies in a folder. Called by scripts/release for a staged tree, and by tests. */
import { join } from 'node:path';
import type { Manifest, ReleaseFacts, ReleaseFile } from './manifest.ts';
import { digestOf, filesOf, modeOf } from './tree.ts';

/** @throws `release-refused` for what is neither file nor folder */
export function collect(root: string, facts: ReleaseFacts): Manifest {
  const files = filesOf(root)
    .filter((path) => !path.endsWith('/'))
    .map((path): ReleaseFile => ({ path, mode: modeOf(join(root, path)), ...digestOf(join(root, path)) }));
  return { ...facts, files };
}
