/** Builds the page that verifies in a browser: one file that loads nothing, from the sources in a folder. The same bytes each time. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** @param project the folder with `src` and its packages */
export async function buildVerifyPage(project: string): Promise<string> {
  const { outputFiles } = buildSync({
    absWorkingDir: project,
    entryPoints: [join(project, 'src/pages/verify.ts')],
    bundle: true,
    minify: true,
    legalComments: 'none',
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'ascii',
    // A release has none: the page must be the same.
    tsconfigRaw: {},
    write: false,
  });
  const script = outputFiles[0]?.text.trimEnd() ?? '';
  // Of those sources too, and not of this checkout.
  const { verifyPage } = (await import(join(project, 'src/pages/skeleton.ts'))) as typeof import('../../src/pages/skeleton.ts');
  return verifyPage(script, createHash('sha256').update(script).digest('base64'));
}
