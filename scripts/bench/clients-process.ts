/** Many people's clients in one process: they log in, register once each, and recover for as long as they are told to. */
import { type BenchClient, logIn } from './accounts.ts';
import { serve } from './child.ts';
import { fullClients, type Reach } from './full-client.ts';
import { type Loaded, load } from './load.ts';
import { rawClients } from './raw-client.ts';

export interface People extends Reach {
  /** URL of the account service. */
  readonly accounts: string;
  readonly users: readonly string[];
  readonly raw: boolean;
}

let clients: BenchClient[] = [];

serve({
  /** Not measured. */
  prepare: async ({ accounts, users, raw, ...reach }: People): Promise<void> => {
    const make = raw ? rawClients(reach, accounts) : fullClients(reach);
    clients = [];
    for (const [i, user] of users.entries()) clients.push(await make(await logIn(accounts, user), i));
  },
  register: ({ inFlight }: { inFlight: number }): Promise<Loaded> => {
    const left = [...clients];
    return load(inFlight, () => {
      const client = left.pop();
      return client && (() => client.register());
    });
  },
  /** Every account has one client at work at most: its own slot would only queue. */
  recover: ({ inFlight, durationMs }: { inFlight: number; durationMs: number }): Promise<Loaded> => {
    const idle = [...clients];
    const next = () => async () => {
      const client = idle.shift();
      if (client === undefined) throw new Error('there are fewer accounts than clients at work');
      await client.recover().finally(() => idle.push(client));
    };
    return load(Math.min(inFlight, clients.length), next, durationMs);
  },
});
