/** Opening a server and closing it within a deadline, for every listener of a node. */
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { fail } from '../base/errors.ts';

export interface Address {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** What a listener or a peer shows: a TLS certificate and its key, which may stay in the token. */
export interface TlsCredentials {
  current(): Pick<SecureContextOptions, 'cert' | 'key' | 'privateKeyEngine' | 'privateKeyIdentifier'>;
  /** After it, `current` answers another TLS certificate. */
  onRenewal(renewed: () => void): void;
}

export interface Listener {
  readonly address: Address;
  /** Takes no new connection, lets running requests finish, and cuts what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** @throws `configuration` when the address cannot be had */
export async function listen(server: Server | TlsServer, { host, port }: Address): Promise<Listener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: NodeJS.ErrnoException) =>
    fail('configuration', `cannot listen on ${host}:${port}`, { cause: error.code ?? 'unknown' }, error),
  );
  const actual = server.address() as AddressInfo;
  return {
    address: { host, port: actual.port },
    close: (deadlineMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
