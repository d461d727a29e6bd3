/**
 * A generation comes into force: the depositor's unlock key says so, a quorum voted for it. Nothing can be guessed before.
 * Used for a client's activation and for one that catch-up brings: both prove themselves.
 */

import type { Registration } from '../../vault/registration.ts';
import type { Member, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { afterActivation, type Counters } from '../counters.ts';
import { type Machine, perform, type View } from '../effects.ts';
import type { EventKind, SlotRecord, Standing } from '../record.ts';
import { remember } from './memory.ts';
import { lacksShare, readStanding, registrationOf, repeat, say } from './standing.ts';

/** @param sharesGone a lock's certificate of this registration is at hand: its shares may be erased everywhere */
export function* activate(member: Member, standing: Standing, sharesGone = false): Machine<Reply> {
  const registration = readStanding(member, standing);
  const { slot, generation, digest } = registration;
  const view = yield* perform('load', { slot });
  const { counters, record } = view;
  if (generation < counters.active) {
    return refuse('stale-generation', 'a later generation is in force', { active: counters.active });
  }
  // The digest does not tell whether the shares are there. Without them nobody could recover what superseded the old one (attack:
  // a coordinator cuts the shares off an activation; were it taken, neither the old nor the new passcode would work).
  if (generation > counters.active && lacksShare(member, registration) && !sharesGone) {
    return refuse('share-refused', 'the registration came without the share of this member: send it whole');
  }
  const stored = record?.standing && registrationOf(record.standing, member.fleet);
  // A record that came without this member's share, from a node that had erased or dropped it or from a liar, heals by a whole one.
  const heals = stored !== undefined && !record?.erased && lacksShare(member, stored) && !lacksShare(member, registration);
  const whole = stored?.digest === digest && !heals;
  const said = whole ? repeat(member, 'node/activation-ack', record?.activationAck, { slot, generation, digest }) : undefined;
  if (said !== undefined) return said;
  if (generation === counters.active) return yield* complete(member, view, standing, registration);
  yield* remember(standing.votes);
  const opened = registration.core.tombstone || (yield* perform('open', { registration }));
  const sequence = yield* perform('commit', { slot, counters: afterActivation(counters, generation) });
  const ack = yield* say(member, 'node/activation-ack', { slot, generation, digest, opened, ...finalCounters(counters), sequence });
  yield* perform('save', {
    slot,
    record: superseding(record, registration, standing, ack),
    event: { kind: eventOf(registration, counters), generation, digest, attempt: 0 },
  });
  return ack;
}

/**
 * The token says that this generation is in force, but the store lost it (killed in between, or an old disk). An equal
 * generation changes no counter: setting them to zero again would refill the guesses.
 */
function* complete(member: Member, view: View, standing: Standing, registration: Registration): Machine<Reply> {
  const { slot, generation, digest } = registration;
  const stored = view.record?.standing && registrationOf(view.record.standing, member.fleet);
  const same = stored?.digest === digest;
  if (stored?.generation === generation && !same) {
    return refuse('stale-generation', 'another registration is in force under this generation');
  }
  const opened = registration.core.tombstone || (yield* perform('open', { registration }));
  const { counters, sequence } = view;
  const ack = yield* say(member, 'node/activation-ack', { slot, generation, digest, opened, ...finalCounters(counters), sequence });
  const record = same
    ? { ...view.record, place: registration.core.place, standing, activationAck: ack }
    : superseding(view.record, registration, standing, ack);
  yield* perform('save', { slot, record });
  return ack;
}

/** What belonged to the old generation goes; what is waiting for a later one stays. */
function superseding(
  record: SlotRecord | undefined,
  registration: Registration,
  standing: Standing,
  ack: SlotRecord['activationAck'],
): SlotRecord {
  const { registerVote, announcements, cancels } = record ?? {};
  return {
    place: registration.core.place,
    standing,
    ...(ack && { activationAck: ack }),
    ...(registerVote && { registerVote }),
    ...(announcements && { announcements: announcements.filter((waiting) => waiting.generation > registration.generation) }),
    ...(cancels && { cancels }),
  };
}

function finalCounters(counters: Counters) {
  return { oldGeneration: counters.active, oldTried: counters.tried, oldCleared: counters.cleared };
}

function eventOf(registration: Registration, counters: Counters): EventKind {
  if (registration.core.tombstone) return 'deleted';
  return counters.active === 0 ? 'registered' : 'replaced';
}
