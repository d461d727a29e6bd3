/**
 * What a release consists of: a manifest of every file, and the measurement, which is its digest. docs/formats.md draws
 * both; test/release/golden pins them. Written by scripts/release, read by the launcher and `holdfast release verify`.
 *
 *   measurement = SHA-256( the bytes of manifest.json )
 *
 * Read without any package: the launcher checks packages by it, and must not run them first. A manifest in another spelling
 * than the one that is written is refused, and so are unknown members, paths that lead elsewhere, and files out of order.
 */
import { createHash } from 'node:crypto';
import { fail } from '../base/errors.ts';

export const MANIFEST_TYPE = 'holdfast/release/v1';
/** Beside the files that it names; itself named by nothing but its digest. */
export const MANIFEST_FILE = 'manifest.json';
/** Five times what a release takes today. */
export const MANIFEST_BYTES_MAX = 8 * 1024 * 1024;

export interface ReleaseFile {
  /** Relative; letters that are spelled alike everywhere. */
  readonly path: string;
  /** `0755` for what is executed, `0644` for the rest. */
  readonly mode: string;
  readonly size: number;
  readonly sha256: string;
}

/** What a release says of itself beside its files. */
export interface ReleaseFacts {
  readonly version: string;
  /** Of the source, in git. */
  readonly commit: string;
  readonly platform: string;
  /** The Node that runs it: version, and the file among those below. */
  readonly runtime: { readonly version: string; readonly file: string };
  /** The compiled addon, what compiled it, and the digest of the Node headers that it was built with. */
  readonly addon: { readonly file: string; readonly headers: string; readonly compiler: string };
  /** The program, among the files below. */
  readonly main: string;
}

export interface Manifest extends ReleaseFacts {
  /** In the order of their paths' bytes. */
  readonly files: readonly ReleaseFile[];
}

const PATH = /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?!.*\/\/)[A-Za-z0-9@._+ /-]{1,512}(?<!\/)$/;
const WORD = /^[A-Za-z0-9.+-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** In its one spelling. @throws `malformed` naming the member at fault */
export function spellManifest(manifest: Manifest): string {
  const { version, commit, platform, runtime, addon, main, files } = manifest;
  const word = (name: string, value: unknown) => text(name, value, WORD);
  const paths = new Set(files.map(({ path }) => path));
  const listed = (name: string, value: unknown) => (paths.has(value as string) ? value : malformed(name, 'expected one of the files'));
  return `${JSON.stringify({
    type: MANIFEST_TYPE,
    version: word('version', version),
    commit: text('commit', commit, /^[0-9a-f]{40}$/),
    platform: word('platform', platform),
    runtime: { version: word('runtime.version', runtime?.version), file: listed('runtime.file', runtime?.file) },
    addon: {
      file: listed('addon.file', addon?.file),
      headers: text('addon.headers', addon?.headers, DIGEST),
      compiler: text('addon.compiler', addon?.compiler, /^[\x20-\x7e]{1,128}$/),
    },
    main: listed('main', main),
    files: files.map(spellFile),
  })}\n`;
}

function spellFile({ path, mode, size, sha256 }: ReleaseFile, i: number, files: readonly ReleaseFile[]): ReleaseFile {
  const before = files[i - 1]?.path;
  text(`files: number ${i + 1}: path`, path, PATH);
  if (before !== undefined && !(before < path)) malformed('files', `${path} is out of order`);
  if (mode !== '0644' && mode !== '0755') malformed(`files: ${path}: mode`, 'expected 0644 or 0755');
  if (!Number.isSafeInteger(size) || size < 0) malformed(`files: ${path}: size`, 'expected a number of bytes');
  return { path, mode, size, sha256: text(`files: ${path}: sha256`, sha256, DIGEST) };
}

function text(name: string, value: unknown, form: RegExp): string {
  return typeof value === 'string' && form.test(value) ? value : malformed(name, 'it does not have the documented form');
}

function malformed(name: string, why: string): never {
  return fail('malformed', `${MANIFEST_FILE}: ${name}: ${why}`);
}

/** @throws `malformed` naming the member at fault, or when another program could read it differently */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MANIFEST_BYTES_MAX) return fail('too-large', `${MANIFEST_FILE} has at most ${MANIFEST_BYTES_MAX} bytes`);
  const spelled = Buffer.from(bytes).toString('utf8');
  const read = parseJson(spelled);
  const { type, ...manifest } = read as unknown as Manifest & { type: unknown };
  if (type !== MANIFEST_TYPE) return malformed('type', `expected ${MANIFEST_TYPE}`);
  const isFile = (one: unknown) => typeof one === 'object' && one !== null;
  if (!Array.isArray(manifest.files) || !manifest.files.every(isFile)) return malformed('files', 'expected a list of files');
  if (spellManifest(manifest) !== spelled)
    return malformed('the text', 'it is not in its one spelling: no other members, order or white space');
  return manifest;
}

function parseJson(spelled: string): object {
  try {
    const read: unknown = JSON.parse(spelled);
    if (typeof read === 'object' && read !== null) return read;
  } catch {
    // Named below.
  }
  return malformed('the text', 'it is not a JSON object');
}

export function measure(manifest: Uint8Array): string {
  return createHash('sha256').update(manifest).digest('hex');
}
