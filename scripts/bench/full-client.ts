/** The client as people have it under Node: native Argon2id and native verification, and all that it checks. */
import { Agent, fetch as undiciFetch } from 'undici';
import { systemRandom } from '../../src/base/ports.ts';
import { KDF_MIN, memoryMemos, PASSCODE, parseEntry, Secret, VaultClient } from '../../src/client/index.ts';
import { nativeArgon2id } from '../../src/client/node/index.ts';
import { activeFleet } from '../../src/fleet/entry.ts';
import { fastVerify } from '../../src/node/verify.ts';
import { type Account, BENCH_POLICY, type BenchClient, INPUT } from './accounts.ts';

export interface Reach {
  readonly entryLine: string;
  /** PEM */
  readonly authority: string;
  readonly tenant: string;
  /** To each node. */
  readonly connections: number;
}

const verify = fastVerify();

/** @returns makes the client of an account that comes through this node first, from 0 */
export function fullClients({ entryLine, authority, tenant, connections }: Reach): (account: Account, via: number) => BenchClient {
  const entry = parseEntry(entryLine);
  const origins = activeFleet(entry, { allowSimulated: true }).nodes.map(({ url }) => new URL(url).origin);
  const dispatcher = new Agent({ connect: { ca: authority }, connections });
  return ({ clientKey, pass }, via) => {
    const through = (url: string): string => {
      const { origin, pathname } = new URL(url);
      return `${origins[(origins.indexOf(origin) + via) % origins.length]}${pathname}`;
    };
    const client = new VaultClient({
      entry,
      allowSimulated: true,
      tenant,
      pass,
      clientKey,
      memos: memoryMemos(),
      verify,
      argon2id: nativeArgon2id,
      fetch: (url, init) =>
        undiciFetch(through(url), { ...init, dispatcher } as Parameters<typeof undiciFetch>[1]) as unknown as Promise<Response>,
    });
    return {
      register: async () => {
        const done = await client.deposit(PASSCODE, new Secret(systemRandom(32)), INPUT, { kdf: KDF_MIN, policy: BENCH_POLICY });
        if (done.kind !== 'deposited') throw new Error(`register: ${done.kind}`);
      },
      attempt: () => Promise.reject(new Error('a real client always goes on to the end')),
      recover: async () => {
        const done = await client.recover(PASSCODE, INPUT);
        if (done.kind !== 'opened' || !done.confirmed) throw new Error(`recover: ${done.kind}`);
      },
    };
  };
}
