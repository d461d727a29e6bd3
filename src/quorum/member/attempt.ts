/**
 * An attempt: count, then answer. First each member counts the attempt in its token and votes; with the votes of a quorum
 * each answers, and answering is counted too. Whether the guess is right, no member ever learns here.
 */
import type { Id } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import type { Registration } from '../../vault/registration.ts';
import { decodeMessage, type Message } from '../../wire/message.ts';
import { hash } from '../../wire/signed.ts';
import type { Ask, Member, Refusal, Reply } from '../ask.ts';
import { refuse } from '../ask.ts';
import { afterTry, exhausted, mayAnswer, mayTry } from '../counters.ts';
import { type Machine, perform, type View } from '../effects.ts';
import { readCertificate } from '../quorum-certificate.ts';
import { remember, sameEpoch } from './memory.ts';
import { isNext } from './next-number.ts';
import { readRequest } from './request.ts';
import { allSinceRestart, votesOn } from './rollback.ts';
import { inForceAs, lacksShare, repeat, say } from './standing.ts';
import { tooSoon, waitMs } from './wait.ts';

export function* voteForAttempt(member: Member, ask: Ask & { op: 'attempt-vote' }): Machine<Reply> {
  const asked = readAttempt(member, ask);
  const { slot, generation, digest, attempt, element } = asked;
  const view = yield* perform('load', { slot });
  const current = guessable(member, view, { generation, digest });
  if ('refused' in current) return current;
  const { counters, record } = view;
  const said = repeat(member, 'node/attempt-vote', record?.attemptVote, { slot, generation, digest, attempt, element });
  // A vote from before the last start would spoil the certificate it gets into; it is as good as lost, and never given anew.
  if (said !== undefined && sameEpoch(decodeMessage('node/attempt-vote', said.bytes).sequence, view.sequence)) return said;
  if (!votesOn(member, view, current)) return refuse('quarantined', 'this member does not vote on this generation');
  const { guesses } = current.core.policy;
  const next = mayTry(counters, attempt, guesses) && isNext(member, view, current, attempt, ask.shown);
  if (!next) return yield* outOfRange(member, view, guesses, asked);
  const leftMs = waitMs(member, view, current, attempt);
  if (leftMs > 0) return yield* tooSoon(member, asked, leftMs);
  // Before anything is counted: what is no point, or a second guess in disguise, costs the owner nothing. Those who answer need not
  // look again: the certificate names these bytes, and one of its voters at least has looked.
  if (!member.isProven(ask.element)) fail('malformed', 'element: expected points of the curve, and a proof of the check');
  // Law 1 and 3: the guess is counted in the token before anyone hears anything. Signed only in this step, never again.
  const sequence = yield* perform('commit', { slot, counters: afterTry(counters, attempt) });
  const vote = yield* say(member, 'node/attempt-vote', { slot, generation, digest, attempt, element, sequence });
  yield* perform('save', {
    slot,
    record: { place: ask.caller.place, ...record, attemptVote: vote },
    event: { kind: 'guess', generation, digest, attempt },
  });
  return vote;
}

export function* answer(member: Member, ask: Ask & { op: 'answer' }): Machine<Reply> {
  const asked = readAttempt(member, ask);
  const { slot, generation, digest, attempt, element, nonce } = asked;
  const says = { slot, generation, digest, attempt, element };
  const votes = readCertificate('node/attempt-vote', ask.votes, says, member.fleet, member.verify);
  const view = yield* perform('load', { slot });
  const current = guessable(member, view, { generation, digest });
  if ('refused' in current) return current;
  const { counters, record } = view;
  const { guesses } = current.core.policy;
  if (!mayAnswer(counters, attempt, guesses)) return yield* outOfRange(member, view, guesses, asked);
  // Before anything is counted: what a refusal changes would be a guess lost for nothing.
  if (lacksShare(member, current)) {
    if (exhausted(counters, guesses)) return yield* outOfRange(member, view, guesses, asked);
    return refuse('share-refused', 'this member has no share of that registration: send it whole');
  }
  let { sequence } = view;
  if (counters.tried < attempt || !isKnown(view, says)) {
    if (!(yield* allSinceRestart(votes))) {
      return refuse('not-certified', 'a vote of this quorum certificate is from before its member restarted');
    }
    yield* remember(ask.votes);
    // Answering is counted as well: this member may not have been asked for its vote.
    if (counters.tried < attempt) sequence = yield* perform('commit', { slot, counters: afterTry(counters, attempt) });
    yield* perform('save', { slot, record: { place: ask.caller.place, ...record, attempt: { votes: ask.votes } } });
  }
  const evaluated = yield* perform('evaluate', { registration: current, element: ask.element });
  return yield* say(member, 'node/answer', { ...says, nonce, evaluated, sequence });
}

/** Nothing is behind a deletion: a guess at it would be counted and never answered. */
function guessable(member: Member, view: View, asked: { generation: number; digest: Id }): Registration | Refusal {
  const current = inForceAs(member, view, asked);
  return 'refused' in current || !current.core.tombstone ? current : refuse('not-found', 'what was registered here is deleted');
}

type Attempt = Message<'client/request'> & { readonly element: Id };

/** @throws what `readRequest` throws; `malformed` when the element is not the one that the client signed for */
function readAttempt(member: Member, ask: Ask & { op: 'attempt-vote' | 'answer' }): Attempt {
  const asked = readRequest(member, ask, 'attempt');
  const element = hash(ask.element);
  if (asked.body !== element) fail('malformed', 'the element is not the one that the client signed for');
  return { ...asked, element };
}

/** This very attempt was accepted here before: it may be answered again, so a lost reply costs nothing. */
function isKnown(view: View, { generation, attempt, element }: { generation: number; attempt: number; element: Id }): boolean {
  const [vote] = view.record?.attempt?.votes ?? [];
  if (vote === undefined) return false;
  const known = decodeMessage('node/attempt-vote', vote.bytes);
  return known.generation === generation && known.attempt === attempt && known.element === element;
}

function* outOfRange(member: Member, { counters }: View, guesses: number, asked: Attempt): Machine<Refusal> {
  const { tried, cleared } = counters;
  const { slot, generation, digest, attempt, element, nonce } = asked;
  const statement = yield* say(member, 'node/refusal', { slot, generation, digest, attempt, element, nonce, tried, cleared });
  const evidence = { tried, cleared, guesses };
  return exhausted(counters, guesses)
    ? { ...refuse('locked', 'all guesses are used up', evidence), statement }
    : { ...refuse('attempt-out-of-range', 'expected the next attempt number', evidence), statement };
}
