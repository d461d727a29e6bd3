/** What a server answers, bounded in bytes and in time; nothing for what is not there. */

const BYTES_MAX = 17 * 1024 * 1024;
const LIMIT_MS = 20_000;

/** @throws unless the answer is 200 or 404, and not too long */
export async function readAnswer(url: string): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { redirect: 'error', credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(LIMIT_MS) });
  if (response.status === 404) return undefined;
  if (!response.ok || response.body === null) throw new Error(`${url} answers with status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
    if (length > BYTES_MAX) throw new Error(`${url} has more than ${BYTES_MAX} bytes`);
    chunks.push(part.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
