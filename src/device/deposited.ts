/** A deposit as the person hears of it, and the note by which a later command knows what it was for. */
import { toHex } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { systemRandom } from '../base/ports.ts';
import type { Deposited } from '../quorum/client/deposit.ts';
import { codesOf, describeSeconds } from './names.ts';

/** The recipient, and something that no other deposit has. */
export function makeNote(recipient: string): string {
  return `${recipient} ${toHex(systemRandom(8))}`;
}

/** Nothing for a deletion, which has no note. */
export function recipientOfNote(note: string | undefined): string | undefined {
  return note?.split(' ')[0];
}

/**
 * @param note as given to the deposit; nothing for a deletion
 * @throws `cooling-off`, `stale-generation`, `no-quorum`; `cancelled`
 */
export function expectDeposited(outcome: Deposited, note?: string): Extract<Deposited, { kind: 'deposited' }> {
  switch (outcome.kind) {
    case 'deposited':
      // Only one is dealt at a time: a change that was interrupted stands first.
      if (outcome.note !== note) fail('stale-generation', 'a change that was begun before was finished instead: run this again');
      return outcome;
    case 'waiting':
      return fail('cooling-off', `it is announced, and takes effect in ${describeSeconds(outcome.secondsLeft)} unless the owner objects`, {
        secondsLeft: outcome.secondsLeft,
      });
    case 'superseded':
      return fail('stale-generation', 'another device deposited a key meanwhile: restore from its backup first');
    case 'refused':
    case 'unfinished': {
      const codes = codesOf(outcome.refusals);
      if (codes.includes('cancelled')) return fail('cancelled', 'the owner of the account objected');
      return fail('no-quorum', 'too few nodes took it; what was made is saved, and the next command goes on with it', {
        refused: codes.join(', '),
      });
    }
  }
}
