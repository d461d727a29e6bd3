/** What was saved and not yet acknowledged is sent again, by whatever the client does next. */
import { decodeMessage } from '../../wire/message.ts';
import { mayLie } from '../quorum-certificate.ts';
import { act, type Client, type ClientMachine } from './effects.ts';
import { askStatus, readHeard } from './status.ts';

/**
 * Through one node after the other. (Attack: the node that is asked first carries right guesses and drops what confirms them,
 * until the guesses are used up.)
 * @returns whether q nodes have acknowledged the saved confirmation (or none is saved)
 */
export function* pushConfirmation(client: Client): ClientMachine<boolean> {
  const { confirmation } = yield* act('recall', {});
  if (confirmation === undefined) return true;
  const { slot, generation, digest, attempt } = decodeMessage('unlock/confirm', confirmation.confirm.bytes);
  for (let turns = 0; turns < client.fleet.nodes.length; turns += 1) {
    const { said, refused } = yield* act('call', { call: { op: 'confirm', confirmed: confirmation } });
    const acks = readHeard(client, 'node/confirmation-ack', said).filter(
      (ack) => ack.slot === slot && ack.generation === generation && ack.digest === digest && ack.attempt === attempt,
    );
    const done = acks.length >= client.fleet.quorum;
    if (done && refused.some(({ refusal }) => refusal.refused === 'locked')) {
      // A member that stated a lock alone takes the success with these only. (Attack: the node that carried it does not pass them on.)
      yield* act('turn', {});
      yield* act('call', { call: { op: 'confirm', confirmed: { ...confirmation, acks: acks.map((ack) => ack.as) } } });
    }
    if (done || (yield* isVoid(client, generation))) {
      const { confirmation: _, ...memo } = yield* act('recall', {});
      yield* act('keep', { memo });
      return done;
    }
    yield* act('turn', {});
  }
  return false;
}

/** A later generation on members' signed word, or a lock by its certificate: then nobody is left to tell. */
function* isVoid(client: Client, generation: number): ClientMachine<boolean> {
  const { reports, registration, locked } = yield* askStatus(client);
  if (locked && registration?.generation === generation) return true;
  return reports.filter((one) => one.generation > generation).length > mayLie(client.fleet);
}

/** Sends an unfinished activation to the nodes that have not opened their shares of it. @returns whether all have now, or nothing is left to push */
export function* pushActivation(client: Client): ClientMachine<boolean> {
  const { deposit } = yield* act('recall', {});
  if (deposit?.votes === undefined) return true;
  const { registration, votes, activation } = deposit;
  const { said } = yield* act('call', { call: { op: 'activate', standing: { registration, votes, activation } } });
  const { digest } = decodeMessage('unlock/activate', activation.bytes);
  const acks = readHeard(client, 'node/activation-ack', said).filter((ack) => ack.digest === digest && ack.opened);
  if (acks.length < client.fleet.nodes.length) return false;
  const { deposit: _, ...memo } = yield* act('recall', {});
  yield* act('keep', { memo });
  return true;
}
