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
  recover: (how: Loading) => again(how, (client) => client.recover()),
  attempt: (how: Loading) => again(how, (client) => client.attempt()),
});

interface Loading {
  readonly inFlight: number;
  readonly durationMs: number;
}

/** Every account has one client at work at most: its own slot would only queue. */
function again({ inFlight, durationMs }: Loading, work: (client: BenchClient) => Promise<void>): Promise<Loaded> {
  const idle = [...clients];
  const next = () => async () => {
    const client = idle.shift();
    if (client === undefined) throw new Error('there are fewer accounts than clients at work');
    await work(client).finally(() => idle.push(client));
  };
  return load(Math.min(inFlight, clients.length), next, durationMs);
}
