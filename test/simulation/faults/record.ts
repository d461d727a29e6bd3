/** Members that believe too much, or keep too little: activation, confirmation, erasure, catch-up, replacement, rejoining. */
import { type Ask, isRefusal, type Member } from '../../../src/quorum/ask.ts';
import type { Talk } from '../../../src/quorum/coordinator/conversation.ts';
import { rejoin, type Verdict } from '../../../src/quorum/coordinator/rejoin.ts';
import { afterActivation, afterConfirmation, exhausted } from '../../../src/quorum/counters.ts';
import { type Machine, perform, type View } from '../../../src/quorum/effects.ts';
import { learn } from '../../../src/quorum/member/learn.ts';
import type { erase } from '../../../src/quorum/member/lock.ts';
import { reply } from '../../../src/quorum/member/member.ts';
import { inForce, say } from '../../../src/quorum/member/standing.ts';
import type { Confirmed } from '../../../src/quorum/record.ts';
import { dropShares, parseRegistration } from '../../../src/vault/registration.ts';
import { slotId } from '../../../src/vault/slot.ts';
import { decodeMessage } from '../../../src/wire/message.ts';
import { altered } from './altered.ts';

type Reply = typeof reply;

/** The greater of each counter, as if they meant the same in every generation. */
export const foldsFieldByField: Reply = (member, ask, self) => {
  let before: View['counters'] | undefined;
  return ask.op !== 'activate'
    ? reply(member, ask, self)
    : altered(reply(member, ask, self), (effect) => {
        if (effect.kind === 'load') {
          return {
            turns: (view: View) => {
              before = view.counters;
              return view;
            },
          };
        }
        if (effect.kind !== 'commit' || before === undefined) return undefined;
        const { tried, cleared } = before;
        return { perform: { ...effect, counters: { ...effect.counters, tried, cleared } } };
      });
};

/** Activates what is active: as if for the first time. */
export const activatesAgain: Reply = (member, ask, self) =>
  ask.op === 'activate' ? activateAgain(member, ask, self) : reply(member, ask, self);

function* activateAgain(member: Member, ask: Ask & { op: 'activate' }, self: Parameters<Reply>[2]): ReturnType<Reply> {
  const said = yield* reply(member, ask, self);
  const { slot, generation } = decodeMessage('unlock/activate', ask.standing.activation.bytes);
  const { counters } = yield* perform('load', { slot });
  if (!isRefusal(said) && counters.active === generation && counters.tried > 0) {
    yield* perform('commit', { slot, counters: afterActivation(counters, generation) });
  }
  return said;
}

/** Confirms for whoever has the unlock key, whatever the votes say. */
export const confirmsUncertified: Reply = (member, ask, self) =>
  ask.op === 'confirm' ? confirmAnything(member, ask.confirmed) : reply(member, ask, self);

function* confirmAnything(member: Member, { confirm }: Confirmed): ReturnType<Reply> {
  const { slot, generation, digest, attempt } = decodeMessage('unlock/confirm', confirm.bytes);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  if ('refused' in current || current.digest !== digest || view.counters.locked) return { refused: 'locked', message: 'not even so' };
  let { sequence } = view;
  if (view.counters.cleared < attempt) sequence = yield* perform('commit', { slot, counters: afterConfirmation(view.counters, attempt) });
  return yield* say(member, 'node/confirmation-ack', { slot, generation, digest, attempt, sequence });
}

/** Erases once its own guesses are used up: it does not wait for what others say. */
export function* erasesOnItsOwnView(member: Member, place: Parameters<typeof erase>[1]): ReturnType<typeof erase> {
  const slot = slotId(place);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  const { record } = view;
  if ('refused' in current || record?.standing === undefined || record.erased) return false;
  if (current.core.tombstone || !exhausted(view.counters, current.core.policy.guesses)) return false;
  const registration = dropShares(parseRegistration(record.standing.registration, member.fleet), member.fleet).bytes;
  const standing = { ...record.standing, registration };
  const event = { kind: 'erased', generation: current.generation, digest: current.digest, attempt: view.counters.tried } as const;
  yield* perform('save', { slot, record: { ...record, standing, erased: true }, event });
  return true;
}

/** Believes what a peer says of a success. */
export const learnsUnproven: typeof learn = function* (member, proof): Machine<void> {
  if (proof.confirmation !== undefined) {
    const { slot, generation, attempt } = decodeMessage('unlock/confirm', proof.confirmation.confirm.bytes);
    const { counters } = yield* perform('load', { slot });
    if (counters.active === generation && counters.cleared < attempt && !counters.locked) {
      yield* perform('commit', { slot, counters: afterConfirmation(counters, attempt) });
    }
  }
  yield* learn(member, proof);
};

/** Lets anyone with a login replace what is in force, at once. */
export const replacesAtOnce: Reply = (member, ask, self) => {
  if (ask.op !== 'register-vote') return reply(member, ask, self);
  const { digest, generation } = ask.registration;
  const announced = { digest, generation, since: 0 };
  return altered(reply(member, ask, self), (effect) =>
    effect.kind === 'load'
      ? { turns: (view: View) => (view.record ? { ...view, record: { ...view.record, announcements: [announced] } } : view) }
      : undefined,
  );
};

/** Votes again as soon as any one member knows of nothing. */
export const rejoinsOnOneWord: typeof rejoin = function* (...given): Talk<Verdict> {
  const verdict = yield* rejoin(...given);
  return verdict.newSince.size > 0 && verdict.kind === 'undecided' ? { ...verdict, kind: 'rejoined' } : verdict;
};

/** Takes a start that its token lost for a proof that it was put back. */
export const condemnsLostStarts: typeof rejoin = function* (...given): Talk<Verdict> {
  const verdict = yield* rejoin(...given);
  if (verdict.kind !== 'start-lost') return verdict;
  const vote = { node: given[2].self, signer: given[2].self, sequence: verdict.above, kind: 'vote', by: given[2].hello } as const;
  return { newSince: verdict.newSince, memory: verdict.memory, kind: 'rolled-back', vote };
};

/** Votes again only on the word of every other member. */
export const waitsForAll: typeof rejoin = (fleet, verify, how, patience) =>
  rejoin(fleet, verify, { ...how, answers: fleet.nodes.length - 1 }, patience);
