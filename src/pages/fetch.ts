/** What a server answers, bounded in bytes and in time; nothing for what is not there. */
import { readAtMost } from '../base/read-at-most.ts';

const BYTES_MAX = 17 * 1024 * 1024;
const LIMIT_MS = 20_000;

/** @throws unless the answer is 200 or 404, and not too long */
export async function readAnswer(url: string): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { redirect: 'error', credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(LIMIT_MS) });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${url} answers with status ${response.status}`);
  return readAtMost(response, BYTES_MAX);
}
