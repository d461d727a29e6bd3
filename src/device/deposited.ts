/** A deposit that did not come about, as the person hears it. */
import { fail } from '../base/errors.ts';
import type { Deposited } from '../quorum/client/deposit.ts';

export function expectDeposited(outcome: Deposited): Extract<Deposited, { kind: 'deposited' }> {
  switch (outcome.kind) {
    case 'deposited':
      return outcome;
    case 'waiting':
      return fail('cooling-off', 'the replacement is announced; the owner of the account may object until the waiting time is over', {
        secondsLeft: outcome.secondsLeft,
      });
    case 'superseded':
      return fail('stale-generation', 'another device deposited a key meanwhile: restore from its backup first');
    case 'refused':
    case 'unfinished': {
      const codes = outcome.refusals.map(({ refusal }) => refusal.refused).join(', ');
      return fail('no-quorum', 'too few nodes took the deposit; what was made is saved, and the same command goes on with it', {
        refused: codes,
      });
    }
  }
}
