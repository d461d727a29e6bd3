/** Where an audit reads: web servers and folders, with bounds and in a time that ends. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogSource } from '../../audit/log-source.ts';
import { fail } from '../../base/errors.ts';
import { readAtMost } from '../../base/read-at-most.ts';
import { fetchWith } from '../../client/node/index.ts';

/** An entry bundle of 256 leaves of 65,535 bytes. */
const BYTES_MAX = 17 * 1024 * 1024;
const LIMIT_MS = 20_000;

export interface Web {
  /** Nothing for a 404. @throws otherwise, unless the answer is 200 and not too long */
  get(url: string): Promise<Uint8Array | undefined>;
  /** @throws also for a 404 */
  text(url: string): Promise<string>;
  close(): Promise<void>;
}

/** @param caFile a certification authority that the system does not know; for development */
export async function openWeb(caFile: string | undefined): Promise<Web> {
  const ca =
    caFile === undefined ? undefined : await readFile(caFile, 'utf8').catch(() => fail('configuration', `--ca: ${caFile} cannot be read`));
  const { fetch, close } = fetchWith(ca);
  const get = async (url: string): Promise<Uint8Array | undefined> => {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`${url} answers with status ${response.status}`);
    return readAtMost(response, BYTES_MAX);
  };
  const text = async (url: string): Promise<string> => Buffer.from((await get(url)) ?? notThere(url)).toString('utf8');
  return { get, text, close };
}

function notThere(url: string): never {
  throw new Error(`${url} is not there`);
}

export function isUrl(place: string): boolean {
  return /^https?:\/\//.test(place);
}

/** @param place an address or a folder */
export function logSource(place: string, web: Web): LogSource {
  const base = place.replace(/\/$/, '');
  if (isUrl(place)) return { name: place, read: (path) => web.get(`${base}/${path}`) };
  return {
    name: place,
    read: async (path) => {
      try {
        return new Uint8Array(await readFile(join(base, path)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}

/** @param option for the error: `--root` @throws `configuration` */
export function readOption(option: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) =>
    fail('configuration', `${option}: ${file} cannot be read`, { cause: error.code ?? 'unknown' }),
  );
}
