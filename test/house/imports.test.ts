/** The import rules of .dependency-cruiser.mjs find what they forbid: one planted violation of each kind, and no false alarm. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Cruise {
  readonly summary: { readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[] };
}

/** Builds a house of these files and returns its violations as "rule: file". */
function violationsOf(files: Readonly<Record<string, string>>): string[] {
  const house = mkdtempSync(join(tmpdir(), 'holdfast-house-'));
  try {
    for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.mjs']) cpSync(join(root, name), join(house, name));
    symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(house, path)), { recursive: true });
      writeFileSync(join(house, path), text);
    }
    const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    const command = [cruiser, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'];
    const run = spawnSync(process.execPath, command, { cwd: house, encoding: 'utf8' });
    return (JSON.parse(run.stdout) as Cruise).summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);
  } finally {
    rmSync(house, { recursive: true });
  }
}

test('imports that point down, and packages at their doors, are allowed', () => {
  const house = {
    'src/base/a.ts': `import { sha256 } from '@noble/hashes/sha2.js';\nexport const leaf = sha256; export type Leaf = number;\n`,
    'src/wire/a.ts': `import { leaf } from '../base/a.ts';\nexport { leaf };\n`,
    'src/token/a.ts': `import 'pkcs11js';\nimport 'graphene-pk11';\nimport 'node:fs';\nimport '../wire/a.ts';\nexport {};\n`,
    'src/store/a.ts': `import 'node:sqlite';\nexport {};\n`,
    'src/web/a.ts': `import 'express';\nimport 'jose';\nexport {};\n`,
    'src/backup/a.ts': `import 'node:fs';\nimport 'tar-stream';\nimport 'age-encryption';\nexport {};\n`,
    'src/client/a.ts': `import type { Leaf } from '../base/a.ts';\nexport type { Leaf };\n`,
    'src/client/node/a.ts': `import 'node:fs';\nimport '../a.ts';\nexport {};\n`,
    'src/cli/a.ts': `import 'commander';\nimport '../client/node/a.ts';\nimport '../store/a.ts';\nexport {};\n`,
  };
  expect(violationsOf(house)).toEqual([]);
});

const leaf = 'export const leaf = 1; export type Leaf = number;\n';

const plants: readonly (readonly [what: string, rule: string, path: string, text: string])[] = [
  ['an import that points up', 'down-only-base', 'src/base/x1.ts', `import { leaf } from '../wire/leaf.ts'; export { leaf };`],
  ['an import of types only', 'down-only-wire', 'src/wire/x2.ts', `import type { Leaf } from '../fleet/leaf.ts'; export type { Leaf };`],
  ['an import at run time', 'down-only-vault', 'src/vault/x3.ts', `export const later = () => import('../quorum/leaf.ts');`],
  ['a re-export', 'down-only-quorum', 'src/quorum/x4.ts', `export * from '../token/leaf.ts';`],
  ['an import from a room on the same floor', 'down-only-token', 'src/token/x5.ts', `import '../store/leaf.ts'; export {};`],
  ['a client that reaches for the HSM', 'down-only-client', 'src/client/x6.ts', `import '../token/leaf.ts'; export {};`],
  ['PKCS#11 outside token', 'one-door-pkcs11js', 'src/node/x7.ts', `import * as pkcs11 from 'pkcs11js'; export { pkcs11 };`],
  ['graphene outside token', 'one-door-graphene-pk11', 'src/ceremony/x8.ts', `import 'graphene-pk11'; export {};`],
  ['Express outside web', 'one-door-express', 'src/accounts/x9.ts', `import type { Express } from 'express'; export type { Express };`],
  ['curves outside the mathematics', 'one-door-noble', 'src/quorum/x10.ts', `import '@noble/curves/nist.js'; export {};`],
  ['tokens of the login outside web and accounts', 'one-door-jose', 'src/node/x11.ts', `import 'jose'; export {};`],
  ['argv outside cli', 'one-door-commander', 'src/node/x12.ts', `import 'commander'; export {};`],
  ['age outside backup', 'one-door-age-encryption', 'src/vault/x13.ts', `import 'age-encryption'; export {};`],
  ['archives outside backup', 'one-door-tar-stream', 'src/node/x14.ts', `import 'tar-stream'; export {};`],
  ['canonical JSON outside trust', 'one-door-tufjs', 'src/client/x24.ts', `import '@tufjs/canonical-json'; export {};`],
  ['SQLite outside store', 'one-door-sqlite', 'src/node/x15.ts', `import { DatabaseSync } from 'node:sqlite'; export { DatabaseSync };`],
  ['Node in browser code', 'browser-no-node', 'src/client/x16.ts', `import { readFileSync } from 'node:fs'; export { readFileSync };`],
  ['Node without its prefix', 'browser-no-node', 'src/fleet/x17.ts', `import { createHash } from 'crypto'; export { createHash };`],
  ['a package of Node in browser code', 'browser-no-node-package', 'src/client/x18.ts', `import 'undici'; export {};`],
  ['a client that needs its edge to Node', 'browser-no-client-node', 'src/client/x19.ts', `import './node/leaf.ts'; export {};`],
  ['a room that the house does not know', 'known-room', 'src/utils/x20.ts', `import '../base/leaf.ts'; export {};`],
  ['a file that does not exist', 'resolves', 'src/base/x21.ts', `import './nowhere.ts'; export {};`],
  ['a package for development only', 'declared', 'src/node/x22.ts', `import 'fast-check'; export {};`],
  ['a test imported by src', 'src-alone', 'src/base/x23.ts', `import '../../test/leaf.ts'; export {};`],
  ['a cycle', 'no-cycles', 'src/base/round.ts', `export { leaf } from './turn.ts';`],
];

describe('what is forbidden is found', () => {
  let violations: string[] = [];

  beforeAll(() => {
    const house: Record<string, string> = { 'test/leaf.ts': leaf, 'src/client/node/leaf.ts': leaf };
    for (const room of ['base', 'wire', 'fleet', 'vault', 'quorum', 'token', 'store']) house[`src/${room}/leaf.ts`] = leaf;
    house['src/base/turn.ts'] = `export { leaf } from './round.ts';`;
    for (const [, , path, text] of plants) house[path] = text;
    violations = violationsOf(house);
  });

  test.each(plants)('%s', (_what, rule, path) => {
    expect(violations).toContain(`${rule}: ${path}`);
  });
});
