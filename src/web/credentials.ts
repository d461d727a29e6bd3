/** TLS credentials that renew themselves while a program runs: a pair of files that is read again when it changes, or what its maker makes anew. */
import { readFileSync, statSync } from 'node:fs';
import { fail } from '../base/errors.ts';
import type { TlsCredentials } from './listen.ts';

export interface Renewing extends TlsCredentials {
  stop(): void;
}

type Current = ReturnType<TlsCredentials['current']>;
export type TlsKey = Pick<Current, 'key' | 'privateKeyEngine' | 'privateKeyIdentifier'>;

const FILE_POLL_MS = 60_000;

export interface TlsFiles {
  readonly tlsCertificateFile: string;
  /** Without it, `key`. */
  readonly tlsKeyFile?: string | undefined;
}

/** @param onFailure told when a renewal fails; the pair before it goes on @throws `configuration` when a file cannot be read at the start */
export async function fileCredentials(files: TlsFiles, key: TlsKey, onFailure: (error: unknown) => void): Promise<Renewing> {
  const { tlsCertificateFile, tlsKeyFile } = files;
  const read = (): Current => {
    try {
      return { ...(tlsKeyFile === undefined ? key : { key: readFileSync(tlsKeyFile) }), cert: readFileSync(tlsCertificateFile) };
    } catch (error) {
      return fail('configuration', 'public.tlsCertificateFile or public.tlsKeyFile cannot be read', {
        file: (error as NodeJS.ErrnoException).path ?? '',
      });
    }
  };
  const changed = (): number => Math.max(...[tlsCertificateFile, tlsKeyFile ?? tlsCertificateFile].map((file) => statSync(file).mtimeMs));
  const first = read();
  let seen = changed();
  return renewing(
    first,
    FILE_POLL_MS,
    async () => {
      const now = changed();
      if (now === seen) return undefined;
      seen = now;
      return read();
    },
    onFailure,
  );
}

export function renewing(
  first: Current,
  everyMs: number,
  next: () => Promise<Current | undefined>,
  onFailure: (error: unknown) => void,
): Renewing {
  let current = first;
  const told: (() => void)[] = [];
  const renew = async (): Promise<void> => {
    const fresh = await next();
    if (fresh === undefined) return;
    const before = current;
    current = fresh;
    try {
      for (const renewed of told) renewed();
    } catch (error) {
      // A key that does not belong to the TLS certificate, half of a pair of files written so far: the old pair goes on.
      current = before;
      throw error;
    }
  };
  const timer = setInterval(() => void renew().catch(onFailure), everyMs);
  timer.unref();
  return { current: () => current, onRenewal: (renewed) => void told.push(renewed), stop: () => clearInterval(timer) };
}
