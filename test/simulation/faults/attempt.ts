/** Members that count, vote or answer wrongly. */
import { type Ask, isRefusal, type Member } from '../../../src/quorum/ask.ts';
import { afterTry } from '../../../src/quorum/counters.ts';
import { type Machine, perform, type View } from '../../../src/quorum/effects.ts';
import { reply } from '../../../src/quorum/member/member.ts';
import { inForce, lacksShare, say } from '../../../src/quorum/member/standing.ts';
import { decodeMessage } from '../../../src/wire/message.ts';
import { hash, type Signed } from '../../../src/wire/signed.ts';
import { altered } from './altered.ts';

type Reply = typeof reply;

/** Votes for whatever it is asked, under any number that is not below its count. */
export const votesTwice: Reply = (member, ask, self) =>
  ask.op === 'attempt-vote' ? vote(member, ask, ({ tried }, attempt) => attempt >= tried) : reply(member, ask, self);

/** Its store lost the vote that the token counted: it signs one again. */
export const signsARepeatAgain: Reply = (member, ask, self) =>
  ask.op === 'attempt-vote' ? voteAgain(member, ask, self) : reply(member, ask, self);

function* voteAgain(member: Member, ask: Ask & { op: 'attempt-vote' }, self: Parameters<Reply>[2]): Machine<Signed | never> {
  const said = yield* reply(member, ask, self);
  if (!isRefusal(said)) return said;
  return (yield* vote(member, ask, ({ tried }, attempt) => attempt === tried)) as Signed;
}

function* vote(
  member: Member,
  ask: Ask & { op: 'attempt-vote' },
  may: (counters: View['counters'], attempt: number) => boolean,
): ReturnType<Reply> {
  const { slot, generation, digest, attempt } = decodeMessage('client/request', ask.request.bytes);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  if ('refused' in current || current.digest !== digest || !may(view.counters, attempt)) {
    return { refused: 'attempt-out-of-range', message: 'not even so' };
  }
  const sequence = yield* perform('commit', { slot, counters: afterTry(view.counters, attempt) });
  return yield* say(member, 'node/attempt-vote', { slot, generation, digest, attempt, element: hash(ask.element), sequence });
}

/** Believes that every guess counted so far was a success. */
export const ignoresTheBudget: Reply = (member, ask, self) =>
  ask.op !== 'attempt-vote' && ask.op !== 'answer'
    ? reply(member, ask, self)
    : altered(reply(member, ask, self), (effect) =>
        effect.kind === 'load'
          ? { turns: (view: View) => ({ ...view, counters: { ...view.counters, cleared: view.counters.tried } }) }
          : undefined,
      );

/** Answers as if its vote had been asked for before. */
export const answersUncounted: Reply = (member, ask, self) =>
  ask.op !== 'answer'
    ? reply(member, ask, self)
    : altered(reply(member, ask, self), (effect) => (effect.kind === 'commit' ? { instead: self.sequence } : undefined));

/** Takes any votes for a quorum's: of another attempt, or one vote as many. */
export const answersUncertified: Reply = (member, ask, self) =>
  ask.op === 'answer' ? answerAnything(member, ask) : reply(member, ask, self);

function* answerAnything(member: Member, ask: Ask & { op: 'answer' }): ReturnType<Reply> {
  const { slot, generation, digest, attempt, nonce } = decodeMessage('client/request', ask.request.bytes);
  const view = yield* perform('load', { slot });
  const current = inForce(member, view);
  const { counters } = view;
  if (
    'refused' in current ||
    current.digest !== digest ||
    attempt < counters.tried ||
    attempt > counters.cleared + current.core.policy.guesses
  ) {
    return { refused: 'attempt-out-of-range', message: 'not even so' };
  }
  if (current.core.tombstone || lacksShare(member, current)) return { refused: 'share-refused', message: 'not even so' };
  const sequence = yield* perform('commit', { slot, counters: afterTry(counters, attempt) });
  const evaluated = yield* perform('evaluate', { registration: current, element: ask.element });
  return yield* say(member, 'node/answer', { slot, generation, digest, attempt, element: hash(ask.element), nonce, evaluated, sequence });
}

/** Takes votes that were held back while their member was put back. */
export const ignoresRestarts: Reply = (member, ask, self) =>
  ask.op !== 'answer'
    ? reply(member, ask, self)
    : altered(reply(member, ask, self), (effect) => (effect.kind === 'seen' ? { instead: 0n } : undefined));

/** Counts first and looks at the number afterwards. */
export const countsWhatItRefuses: Reply = (member, ask, self) =>
  ask.op === 'attempt-vote' ? countThenReply(member, ask, self) : reply(member, ask, self);

function* countThenReply(member: Member, ask: Ask & { op: 'attempt-vote' }, self: Parameters<Reply>[2]): ReturnType<Reply> {
  const { slot } = decodeMessage('client/request', ask.request.bytes);
  const { counters } = yield* perform('load', { slot });
  if (counters.active > 0) yield* perform('commit', { slot, counters });
  return yield* reply(member, ask, self);
}
