/** One node's token under the work that recoveries cost it, and nothing else: no store, no network, no protocol. */
import { randomBytes } from 'node:crypto';
import { type Id, toHex } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { openToken, type Token } from '../../src/token/index.ts';
import type { SealedShare } from '../../src/vault/seal.ts';
import { serve } from './child.ts';
import { type Loaded, load } from './load.ts';

export interface TokenWork {
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  readonly sealed: SealedShare;
  readonly context: Uint8Array;
  readonly publicShare: Uint8Array;
  readonly element: Uint8Array;
}

/** As long as a vote or an answer. */
const STATEMENT_BYTES = 250;

let token: Token;
let work: TokenWork;

async function recoverOnce(slot: Id, attempt: number): Promise<void> {
  const statement = randomBytes(STATEMENT_BYTES);
  const before = { voted: 1, active: 1, tried: attempt, cleared: attempt - 1, locked: false };
  await token.counters.commit(slot, before);
  await token.sign(statement);
  await token.evaluate(work.sealed, work.context, work.element);
  await token.sign(statement);
  await token.counters.commit(slot, { ...before, cleared: attempt });
  await token.sign(statement);
}

serve({
  open: async (given: TokenWork): Promise<void> => {
    work = given;
    token = await openToken({ module: given.module, label: given.label, pin: new Secret(given.pin) });
    if (!(await token.open(given.sealed, given.context, given.publicShare))) throw new Error('the share does not open');
  },
  run: ({ inFlight, durationMs }: { inFlight: number; durationMs: number }): Promise<Loaded> => {
    const accounts = Array.from({ length: inFlight }, () => ({ slot: toHex(randomBytes(32)) as Id, attempt: 0 }));
    return load(
      inFlight,
      (worker) => () => {
        const account = accounts[worker] as (typeof accounts)[number];
        account.attempt += 1;
        return recoverOnce(account.slot, account.attempt);
      },
      durationMs,
    );
  },
  close: () => token.close(),
});
