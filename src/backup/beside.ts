/** The header (header.ts) where the backup lies. It is written after the archive, so that a first backup that breaks off is none. */
import { fromUtf8, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type BackupHeader, HEADER_FILE, parseHeader, spellHeader } from './header.ts';
import { openTarget } from './open.ts';
import type { Target } from './target.ts';

const HEADER_BYTES_MAX = 16_384;

/** @param target a path, `s3://BUCKET/PREFIX`, or an opened one */
export async function saveHeader(target: string | Target, header: BackupHeader): Promise<void> {
  await opened(target).write(HEADER_FILE, once(utf8(spellHeader(header))));
}

/** @throws `not-found`, `malformed` */
export async function loadHeader(from: string | Target): Promise<BackupHeader> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of opened(from).read(HEADER_FILE)) {
    chunks.push(Uint8Array.from(chunk));
    bytes += chunk.length;
    if (bytes > HEADER_BYTES_MAX) fail('malformed', `${HEADER_FILE} is no header: it is too long`);
  }
  return parseHeader(fromUtf8(Buffer.concat(chunks)));
}

function opened(target: string | Target): Target {
  return typeof target === 'string' ? openTarget(target) : target;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
