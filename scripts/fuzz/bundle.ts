/** One parser as a CommonJS file, which is what Jazzer.js instruments: our code in it, packages beside it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const FUZZ = join(import.meta.dirname, '../../test/fuzz');

/** CommonJS has no import.meta: each file gets its own address. */
const addresses: Plugin = {
  name: 'addresses',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const address = JSON.stringify(pathToFileURL(path).href);
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', address), loader: 'ts' };
    });
  },
};

/** @param kept where an input goes that breaks the property */
export async function bundleTarget(parser: string, outfile: string, kept: string): Promise<void> {
  const contents = `
    import { writeFileSync } from 'node:fs';
    import { createHash } from 'node:crypto';
    import { join } from 'node:path';
    import { hold } from './parser.ts';
    import { parsers } from './parsers.ts';

    const parser = parsers[${JSON.stringify(parser)}];
    export async function fuzz(data) {
      const input = Uint8Array.from(data);
      try {
        await hold(parser, input);
      } catch (error) {
        writeFileSync(join(${JSON.stringify(kept)}, 'broken-' + createHash('sha256').update(input).digest('hex').slice(0, 12)), input);
        process.stderr.write('broken: ' + error.stack + '\\n' + (error.cause?.stack ?? '') + '\\n');
        process.exit(77);
      }
    }`;
  await build({
    stdin: { contents, resolveDir: FUZZ, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    packages: 'external',
    plugins: [addresses],
    logLevel: 'warning',
  });
}
