/**
 * Gets the secret back: one guess. What must not be lost is saved before it is sent: the attempt, so that an interrupted
 * guess is finished and not made again; the confirmation, so that a success is always told.
 */
import type { Id } from '../../base/bytes.ts';
import { equalBytes } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { type Fleet, shareIndex } from '../../fleet/fleet.ts';
import type { Registration } from '../../vault/registration.ts';
import type { Message } from '../../wire/message.ts';
import { hash, keyId, type Signed, signMessage } from '../../wire/signed.ts';
import { stepOf } from '../counters.ts';
import { act, type Client, type ClientMachine, type Heard, type Memo, type Opened, type Opening, type PendingAttempt } from './effects.ts';
import { pushConfirmation } from './push.ts';
import { askPresence, askStatus, ifAnswered, nextNumber, nextWithin, readHeard, type Status } from './status.ts';
import { askWait, believedMs, readWaits } from './wait.ts';

export type Recovered =
  /** `confirmed`: the guesses are refilled at q nodes; else it is saved, and the next call goes on. */
  | {
      readonly kind: 'opened';
      readonly opened: Opened;
      readonly registration: Registration;
      readonly liars: readonly Id[];
      readonly confirmed: boolean;
    }
  /**
   * `sure` is false while fewer than t nodes answered truly: the attempt is kept, ask again when more nodes are up.
   * `waitMs`: until the next one is counted.
   */
  | {
      readonly kind: 'wrong';
      readonly sure: boolean;
      readonly guessesLeft: number;
      readonly waitMs: number;
      readonly liars: readonly Id[];
    }
  /** Too soon after the last wrong one: it was not made. */
  | { readonly kind: 'waiting'; readonly waitMs: number; readonly guessesLeft: number }
  /** A lock's certificate says so: for good. */
  | { readonly kind: 'locked' }
  /**
   * All guesses are used, and it is not settled whether the last one was right: another device may be using it. It was not made.
   * `waitMs`: until the nodes settle it, if they can; 0 when they should have.
   */
  | { readonly kind: 'last-guess'; readonly waitMs: number }
  | { readonly kind: 'nothing' }
  /** Too few nodes answered; the attempt is saved, and the same passcode goes on with it. */
  | { readonly kind: 'unfinished'; readonly refusals: Heard['refused'] };

const ROUNDS_MAX = 16;
/** Where numbers are plenty: as many asks of a thief's, with a node that carries them to one member alone, cost the owner one run. */
const CLIMBS_MAX = 512;
const FORCED_MAX = 2;

export function* recover(client: Client): ClientMachine<Recovered> {
  let forced = 0;
  for (let round = 0; round < CLIMBS_MAX; round += 1) {
    const { reports, registration, locked } = yield* askPresence(client);
    if (registration === undefined || registration.core.tombstone) return { kind: 'nothing' };
    if (locked) {
      yield* forget('attempt');
      return { kind: 'locked' };
    }
    const pending = (yield* resume(registration)) ?? (yield* begin(client, registration, reports));
    if (pending === 'used-up') return { kind: 'last-guess', waitMs: yield* askWait(client) };
    const heard = yield* send(registration, pending, reports);
    const answers = readAnswers(client, registration, pending, heard);
    if (answers.length >= client.fleet.threshold) {
      return yield* finish(client, registration, pending, { answers, votes: heard.votes ?? [] }, reports);
    }
    const waits = readWaits(client, { ...registration, attempt: pending.attempt }, statementsIn(heard), heard.nonce);
    const waitMs = believedMs(client, waits);
    if (waitMs > 0) return { kind: 'waiting', waitMs, guessesLeft: guessesLeft(client.fleet, registration, reports, 0) };
    const refusals = readRefusals(client, registration, pending, heard);
    if (refusals.length === 0) return { kind: 'unfinished', refusals: heard.refused };
    const blocking = client.fleet.nodes.length - client.fleet.quorum + 1;
    const { guesses } = registration.core.policy;
    if (refusals.filter((one) => one.tried >= one.cleared + guesses).length >= blocking) {
      yield* forget('attempt');
      return { kind: 'last-guess', waitMs: yield* askWait(client) };
    }
    // Used up where it counts (a split vote, another device's guess): take the next number. With nodes down fewer refusals
    // must do, or a split vote would stay; but one lying node must not spend all guesses, so only twice in one recovery. Where
    // numbers are plenty nobody can spend them.
    if (refusals.length < blocking && stepOf(guesses) === 1) {
      if (forced === FORCED_MAX) return { kind: 'unfinished', refusals: heard.refused };
      forced += 1;
    }
    yield* forget('attempt');
    if (round + 1 >= ROUNDS_MAX && stepOf(guesses) === 1) break;
  }
  return fail('no-quorum', 'every number was taken by another guess: is another device recovering?');
}

/** The guess that was interrupted, if this is the same passcode at the same registration. */
function* resume({ generation, digest }: Registration): ClientMachine<PendingAttempt | undefined> {
  const { attempt } = yield* act('recall', {});
  if (attempt === undefined || attempt.generation !== generation || attempt.digest !== digest) return undefined;
  const { element } = yield* act('blind', { blind: attempt.blind });
  return equalBytes(element, attempt.element) ? attempt : undefined;
}

function* begin({ fleet }: Client, registration: Registration, reports: readonly Status[]): ClientMachine<PendingAttempt | 'used-up'> {
  const { generation, digest } = registration;
  const of = reports.filter((report) => report.generation === generation && report.digest === digest);
  const tried = of.map((report) => report.tried);
  const step = stepOf(registration.core.policy.guesses);
  const attempt = step === 1 ? nextNumber(tried, fleet) : nextWithin(step, tried, fleet);
  const cleared =
    nextNumber(
      of.map((report) => report.cleared),
      fleet,
    ) - 1;
  if (attempt > Math.max(cleared, ...of.map((report) => report.cleared)) + registration.core.policy.guesses) return 'used-up';
  const { blind, element } = yield* act('blind', {});
  const pending = { generation, digest, attempt, element, blind };
  yield* act('keep', { memo: { ...(yield* act('recall', {})), attempt: pending } });
  return pending;
}

/** With the statuses of those who have counted the number before: others follow on their word (member/next-number.ts). */
function* send(
  { slot, generation, digest }: Registration,
  { attempt, element }: PendingAttempt,
  reports: readonly Status[],
): ClientMachine<Heard & { nonce: Uint8Array }> {
  const { request, nonce } = yield* act('request', { operation: 'attempt', slot, generation, digest, attempt, body: hash(element) });
  const counted = (report: Status) => report.generation === generation && report.digest === digest && report.tried >= attempt - 1;
  const shown = attempt === 1 ? [] : reports.filter(counted).map((report) => report.as);
  return { ...(yield* act('call', { call: { op: 'attempt', request, element, shown } })), nonce };
}

interface NodeAnswer {
  readonly node: Id;
  readonly index: number;
  readonly evaluated: Uint8Array;
}

/** Only what the fleet's own keys signed for exactly this attempt and request counts (law 6). */
function readAnswers(
  client: Client,
  { slot, generation, digest }: Registration,
  { attempt, element }: PendingAttempt,
  { said, nonce }: Heard & { nonce: Uint8Array },
): NodeAnswer[] {
  const expected = hash(element);
  return readHeard(client, 'node/answer', said)
    .filter((one) => one.slot === slot && one.generation === generation && one.digest === digest)
    .filter((one) => one.attempt === attempt && one.element === expected && equalBytes(one.nonce, nonce))
    .map((one) => ({ node: one.signer, index: shareIndex(client.fleet, one.signer), evaluated: one.evaluated }));
}

/** Only a member's signed word that this number is gone makes the client give it up: a coordinator could say so of every number. */
function readRefusals(
  client: Client,
  { slot, generation, digest }: Registration,
  { attempt, element }: PendingAttempt,
  heard: Heard & { nonce: Uint8Array },
): Message<'node/refusal'>[] {
  return readHeard(client, 'node/refusal', statementsIn(heard))
    .filter((one) => one.slot === slot && one.generation === generation && one.digest === digest)
    .filter((one) => one.attempt === attempt && one.element === hash(element) && equalBytes(one.nonce, heard.nonce));
}

function statementsIn({ refused }: Heard): Heard['said'] {
  return refused.flatMap(({ node, refusal }) => (refusal.statement ? [{ node, signed: refusal.statement }] : []));
}

interface Answered {
  readonly answers: readonly NodeAnswer[];
  readonly votes: readonly Signed[];
}

/** Asked for more answers so often, when fewer than t of those that came are right. */
const ASKED_AGAIN_MAX = 2;

/**
 * Opens with what was answered. Each answer proves itself; while fewer than t are right, the same guess is sent again through other
 * nodes, which costs none. (Attack: liars, one of which carries the messages, leave honest answers out.)
 */
function* open(
  client: Client,
  registration: Registration,
  pending: PendingAttempt,
  first: Answered,
  reports: readonly Status[],
): ClientMachine<Opening & Answered> {
  let { answers, votes } = first;
  let opening = yield* act('open', { registration, blind: pending.blind, answers });
  for (let again = 0; again < ASKED_AGAIN_MAX; again += 1) {
    if (opening.opened !== undefined || opening.sure) break;
    yield* act('turn', {});
    const heard = yield* ifAnswered(send(registration, pending, reports));
    const known = new Set(answers.map(({ node }) => node));
    const more = heard === undefined ? [] : readAnswers(client, registration, pending, heard).filter(({ node }) => !known.has(node));
    if (more.length === 0) continue;
    answers = [...answers, ...more];
    votes = heard?.votes ?? votes;
    opening = yield* act('open', { registration, blind: pending.blind, answers });
  }
  return { ...opening, answers, votes };
}

function* finish(
  client: Client,
  registration: Registration,
  pending: PendingAttempt,
  answered: Answered,
  before: readonly Status[],
): ClientMachine<Recovered> {
  const { opened, sure, liars: wrong, answers, votes } = yield* open(client, registration, pending, answered, before);
  const liars = answers.filter((answer) => wrong.includes(answer.index)).map((answer) => answer.node);
  if (opened === undefined) {
    if (sure) yield* forget('attempt');
    const reports = (yield* ifAnswered(askStatus(client)))?.reports ?? before;
    const waitMs = yield* askWait(client);
    return { kind: 'wrong', sure, guessesLeft: guessesLeft(client.fleet, registration, reports, pending.attempt), waitMs, liars };
  }
  const { slot, generation, digest } = registration;
  const signer = keyId(registration.core.unlockKey);
  const confirm = signMessage(
    'unlock/confirm',
    { fleet: client.fleet.id, signer, slot, generation, digest, attempt: pending.attempt },
    opened.sign,
  );
  const { attempt: _, ...memo } = yield* act('recall', {});
  yield* act('keep', { memo: { ...memo, confirmation: { confirm, votes } } });
  return { kind: 'opened', opened, registration, liars, confirmed: (yield* ifAnswered(pushConfirmation(client))) ?? false };
}

/** What is certain to be left: of `tried` and `cleared` what cannot have been made up. */
export function guessesLeft(fleet: Fleet, { generation, core }: Registration, reports: readonly Status[], attempt: number): number {
  const of = reports.filter((report) => report.generation === generation);
  const tried = Math.max(
    attempt,
    nextNumber(
      of.map((report) => report.tried),
      fleet,
    ) - 1,
  );
  const cleared =
    nextNumber(
      of.map((report) => report.cleared),
      fleet,
    ) - 1;
  return Math.max(0, cleared + core.policy.guesses - tried);
}

function* forget(part: keyof Memo): ClientMachine<void> {
  const { [part]: _, ...memo } = yield* act('recall', {});
  yield* act('keep', { memo });
}
