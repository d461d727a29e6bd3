/** A member's counters of a slot over the client's nonce: from these of a quorum the client picks its numbers. */
import { NO_ID } from '../../base/bytes.ts';
import type { Ask, Member, Reply } from '../ask.ts';
import { type Machine, perform } from '../effects.ts';
import { readRequest } from './request.ts';
import { votesOn } from './rollback.ts';
import { inForce, say } from './standing.ts';

export function* status(member: Member, ask: Ask & { op: 'status' }): Machine<Reply> {
  const { slot, nonce } = readRequest(member, ask, 'status');
  const view = yield* perform('load', { slot });
  const { voted, active, tried, cleared, locked } = view.counters;
  const current = inForce(member, view);
  return yield* say(member, 'node/status', {
    slot,
    generation: active,
    digest: 'refused' in current ? NO_ID : current.digest,
    nonce,
    voted,
    tried,
    cleared,
    locked,
    standing: 'refused' in current ? view.standing === 'full' : votesOn(member, view, current),
    sequence: view.sequence,
  });
}
