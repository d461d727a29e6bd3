/**
 * Deposits a secret: register, check the votes, activate. What was made is saved before it is sent and finished as it is.
 * Once an activation may have been seen, no other generation is dealt for it: whoever drops replies to make a client deal
 * again would refill the guesses (a known attack on counters).
 */
import { assert, fail } from '../../base/errors.ts';
import { parseRegistration, type Registration } from '../../vault/registration.ts';
import type { Message } from '../../wire/message.ts';
import { keyId, signMessage } from '../../wire/signed.ts';
import type { Refusal } from '../ask.ts';
import { GENERATION_STEP } from '../counters.ts';
import { act, type Client, type ClientMachine, type Heard, type Opened, type Owner, type PendingDeposit } from './effects.ts';
import { askStatus, nextWithin, readHeard, type Status } from './status.ts';

/** What a way in gave when it was opened: its owner key decides about the whole account. */
export interface Authority {
  readonly registration: Registration;
  readonly opened: Opened;
}

export type Deposited =
  | {
      readonly kind: 'deposited';
      readonly generation: number;
      readonly acknowledged: number;
      /** Guesses at what was superseded that were counted after the status this began with: somebody else is guessing. */
      readonly strangeGuesses: number;
      /** As it was dealt with: an earlier call's, when this one finished what that one had begun. */
      readonly note?: string;
    }
  /** Another device's later registration is in force. */
  | { readonly kind: 'superseded'; readonly generation: number }
  /** Announced; the owner may object until then. Call again later: the same registration is sent. */
  | { readonly kind: 'waiting'; readonly secondsLeft: number }
  | { readonly kind: 'refused'; readonly refusals: Heard['refused'] }
  /** Saved, and finished by the next call. */
  | { readonly kind: 'unfinished'; readonly refusals: Heard['refused'] };

const ROUNDS_MAX = 24;

/** @param owner approves it, where the device keeps the owner key; by default the one of `authority`, or of the secret that is dealt */
export function* deposit(client: Client, authority?: Authority, owner?: Owner): ClientMachine<Deposited> {
  let { deposit: pending } = yield* act('recall', {});
  // What the person was told stands: this is another wish. (It may wait for ever for a node that is lost for good.)
  if (pending?.told) pending = undefined;
  if (pending !== undefined && authority !== undefined && isOver(client, pending, authority)) {
    yield* remember(undefined);
    pending = undefined;
  }
  if (pending?.votes !== undefined) return yield* resume(client, pending);
  let overtaken: Heard['refused'] | undefined;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const { reports } = yield* askStatus(client);
    const next = nextWithin(
      GENERATION_STEP,
      reports.map((one) => Math.max(one.voted, one.generation)),
      client.fleet,
    );
    if (pending !== undefined && overtaken !== undefined) {
      // Refusals are not signed; counters are. (Attack: a coordinator calls every number stale, and the client announces
      // registrations that it forgets until the slot takes no more.)
      if (next <= parseRegistration(pending.registration, client.fleet).generation) return { kind: 'unfinished', refusals: overtaken };
      // Nothing of it was activated, and now nothing can be: others voted for something else under this number.
      yield* remember(undefined);
      pending = undefined;
    }
    pending ??= yield* deal(client, next, owner ?? authority?.opened.owner);
    const registration = parseRegistration(pending.registration, client.fleet);
    const { slot, generation, digest } = registration;
    const { request } = yield* act('request', { operation: 'register', slot, generation, digest, attempt: 0, body: digest });
    const { approval } = pending;
    const heard = yield* act('call', {
      call: { op: 'register', request, registration: pending.registration, ...(approval && { approval }) },
    });
    const votes = readHeard(client, 'node/register-vote', heard.said).filter(
      (vote) => vote.slot === slot && vote.generation === generation && vote.digest === digest,
    );
    if (votes.length >= client.fleet.quorum) {
      const voted = { ...pending, votes: votes.map((vote) => vote.as) };
      return yield* activate(client, voted, reports);
    }
    const verdict = judge(client, heard.refused);
    if (verdict !== 'renumber') {
      // No node will take it any more, and it was never activated.
      if (verdict.kind === 'refused' && isCancelled(client, heard.refused)) yield* remember(undefined);
      return verdict;
    }
    overtaken = heard.refused;
  }
  return fail('no-quorum', 'the nodes voted for other registrations each time: is another device registering?');
}

/**
 * Whoever opened what is in force decides anew: what never was activated is dropped, and what is itself in force, or older,
 * is finished. It refills nothing: that success has done so already.
 */
function isOver(client: Client, pending: PendingDeposit, authority: Authority): boolean {
  return (
    pending.votes === undefined || parseRegistration(pending.registration, client.fleet).generation <= authority.registration.generation
  );
}

/** Only a later generation that proves itself ends an activation that may have been seen; no refusal does. */
function* resume(client: Client, pending: PendingDeposit): ClientMachine<Deposited> {
  const { generation } = parseRegistration(pending.registration, client.fleet);
  const { registration, reports } = yield* askStatus(client);
  if (registration === undefined || registration.generation <= generation) return yield* activate(client, pending, reports);
  yield* remember(undefined);
  return { kind: 'superseded', generation: registration.generation };
}

function* deal(client: Client, generation: number, owner: Owner | undefined): ClientMachine<PendingDeposit> {
  const { registration: encoded, sign, note, owner: own } = yield* act('deal', { generation });
  const registration = parseRegistration(encoded, client.fleet);
  assert(registration.generation === generation, 'the dealt registration has another generation');
  const { slot, digest } = registration;
  const what = { fleet: client.fleet.id, slot, generation, digest };
  const activation = signMessage('unlock/activate', { ...what, signer: keyId(registration.core.unlockKey) }, sign);
  const by = owner ?? own;
  const approval = by && signMessage('owner/approve', { ...what, signer: keyId(by.publicKey) }, by.sign);
  const pending = { registration: encoded, activation, ...(approval && { approval }), ...(note !== undefined && { note }) };
  yield* remember(pending);
  return pending;
}

function* activate(client: Client, pending: PendingDeposit, before: readonly Status[]): ClientMachine<Deposited> {
  const { registration: encoded, activation, votes = [], note } = pending;
  // Saved before it is sent: from here on it is this registration or none.
  yield* remember(pending);
  const heard = yield* act('call', { call: { op: 'activate', standing: { registration: encoded, votes, activation } } });
  const { slot, generation, digest } = parseRegistration(encoded, client.fleet);
  const acks = readHeard(client, 'node/activation-ack', heard.said).filter(
    (ack) => ack.slot === slot && ack.generation === generation && ack.digest === digest,
  );
  const opened = acks.filter((ack) => ack.opened).length;
  if (opened < client.fleet.quorum) {
    return { kind: 'unfinished', refusals: heard.refused };
  }
  // Kept until all nodes have it, and opened their shares of it, so that a later call pushes it whole to those that were down.
  // (Attack: a coordinator leaves the sealed shares of some nodes out; once the client forgets them, nobody has them.)
  yield* remember(opened === client.fleet.nodes.length ? undefined : { ...pending, told: true });
  const strange = strangeGuesses(acks, before);
  return { kind: 'deposited', generation, acknowledged: acks.length, strangeGuesses: strange, ...(note !== undefined && { note }) };
}

function strangeGuesses(acks: readonly Message<'node/activation-ack'>[], before: readonly Status[]): number {
  const moved = acks.map((ack) => {
    const seen = before.find((status) => status.signer === ack.signer && status.generation === ack.oldGeneration);
    return seen === undefined ? 0 : ack.oldTried - seen.tried;
  });
  return Math.max(0, ...moved);
}

function* remember(deposit: PendingDeposit | undefined): ClientMachine<void> {
  const { deposit: _, ...rest } = yield* act('recall', {});
  yield* act('keep', { memo: deposit === undefined ? rest : { ...rest, deposit } });
}

function judge(client: Client, refused: Heard['refused']): 'renumber' | Deposited {
  const of = (code: Refusal['refused']) => refused.filter(({ refusal }) => refusal.refused === code);
  // With this many against it the number cannot be certified any more.
  const blocking = client.fleet.nodes.length - client.fleet.quorum + 1;
  if (of('stale-generation').length > 0 && of('cooling-off').length === 0) return 'renumber';
  if (isCancelled(client, refused)) return { kind: 'refused', refusals: refused };
  const waiting = of('cooling-off').map(({ refusal }) => Number(refusal.evidence?.['secondsLeft'] ?? 0));
  if (waiting.length > 0) return { kind: 'waiting', secondsLeft: Math.max(...waiting) };
  return refused.length >= blocking ? { kind: 'refused', refusals: refused } : { kind: 'unfinished', refusals: refused };
}

function isCancelled({ fleet }: Client, refused: Heard['refused']): boolean {
  return refused.filter(({ refusal }) => refusal.refused === 'cancelled').length > fleet.nodes.length - fleet.quorum;
}
