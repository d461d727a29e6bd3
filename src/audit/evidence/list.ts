/** The list of a publication's files with their digests, as `sha256sum --check` reads it: digest, two spaces, path. */
import type { Id } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { hash } from '../../wire/signed.ts';
import type { Files } from './derived.ts';

const FILES_MAX = 4096;
/** Below the folder itself, without what would lead out of it. */
const LINE = /^([0-9a-f]{64}) {2}((?!\.\.?\/)[A-Za-z0-9._-][A-Za-z0-9._%()+,=@~-]*(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._%()+,=@~-]+)*)$/;

export function formatList(files: Files): string {
  const paths = [...files.keys()].sort();
  return paths.map((path) => `${hash(files.get(path) as Uint8Array)}  ${path}\n`).join('');
}

/** @throws `malformed` */
export function parseList(text: string): ReadonlyMap<string, Id> {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length === 0 || lines.length > FILES_MAX) return fail('malformed', 'the list of files is not whole');
  const listed = lines.map((line): readonly [string, Id] => {
    const [, digest, path] = LINE.exec(line) ?? [];
    return digest === undefined || path === undefined
      ? fail('malformed', 'a line of the list of files is not digest and path')
      : [path, digest as Id];
  });
  const list = new Map(listed);
  return list.size === listed.length ? list : fail('malformed', 'the list of files names one twice');
}
