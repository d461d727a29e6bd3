/**
 * Which parts of a peer's proof say more than this member's own record. Most of what a feed brings was carried by the
 * conversation already, and to verify it again would cost as much as the conversation did. Only what is left out here is not
 * verified; it changes nothing anyway.
 */
import type { Id } from '../base/bytes.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Cancelled, Certified, Confirmed, Proof, Standing } from '../quorum/record.ts';
import { decodeMessage } from '../wire/message.ts';

/** @throws `malformed` */
export function news(known: Proof, told: Proof): Proof | undefined {
  const parts: Proof = {
    ...(told.standing && !sameStanding(known.standing, told.standing) && { standing: told.standing }),
    ...(told.attempt && !covers(attemptOf(known.attempt), attemptOf(told.attempt)) && { attempt: told.attempt }),
    ...(told.confirmation && !coversConfirmation(known.confirmation, told.confirmation) && { confirmation: told.confirmation }),
    ...(told.lock && known.lock === undefined && { lock: told.lock }),
    ...newCancels(known.cancels ?? [], told.cancels ?? []),
  };
  return Object.keys(parts).length === 0 ? undefined : parts;
}

interface Numbered {
  readonly generation: number;
  readonly attempt: number;
}

/** The activation names slot, generation and digest, and there is one for each; a longer one has shares that the known one lacks. */
function sameStanding(known: Standing | undefined, told: Standing): boolean {
  return (
    known !== undefined &&
    equalBytes(known.activation.bytes, told.activation.bytes) &&
    known.registration.length >= told.registration.length
  );
}

function attemptOf(certified: Certified | undefined): Numbered | undefined {
  const vote = certified?.votes[0];
  return vote && decodeMessage('node/attempt-vote', vote.bytes);
}

function confirmedOf(confirmed: Confirmed | undefined): Numbered | undefined {
  return confirmed && decodeMessage('unlock/confirm', confirmed.confirm.bytes);
}

/** Whether what is known is at least what is told. */
function covers(known: Numbered | undefined, told: Numbered | undefined): boolean {
  if (known === undefined || told === undefined) return told === undefined;
  return known.generation > told.generation || (known.generation === told.generation && known.attempt >= told.attempt);
}

/** Acknowledgements are news where they are lacking: they unlock a member that stated a lock alone. */
function coversConfirmation(known: Confirmed | undefined, told: Confirmed): boolean {
  const [had, has] = [confirmedOf(known), confirmedOf(told)];
  if (!covers(had, has)) return false;
  return told.acks === undefined || known?.acks !== undefined || had?.generation !== has?.generation || had?.attempt !== has?.attempt;
}

function newCancels(known: readonly Cancelled[], told: readonly Cancelled[]): Pick<Proof, 'cancels'> {
  const digestOf = ({ cancel }: Cancelled): Id => decodeMessage('unlock/cancel', cancel.bytes).digest;
  const digests = new Set(known.map(digestOf));
  const cancels = told.filter((one) => !digests.has(digestOf(one)));
  return cancels.length === 0 ? {} : { cancels };
}

/** All slots that a proof speaks of, to be held while it is learnt. @throws `malformed` */
export function slotsOf(proof: Proof, slotOfStanding: (standing: Standing) => Id): readonly Id[] {
  const [attempt] = proof.attempt?.votes ?? [];
  const [lock] = proof.lock ?? [];
  return [
    ...(proof.standing ? [slotOfStanding(proof.standing)] : []),
    ...(attempt ? [decodeMessage('node/attempt-vote', attempt.bytes).slot] : []),
    ...(proof.confirmation ? [decodeMessage('unlock/confirm', proof.confirmation.confirm.bytes).slot] : []),
    ...(lock ? [decodeMessage('node/lock-statement', lock.bytes).slot] : []),
    ...(proof.cancels ?? []).flatMap(({ cancel }) => {
      const { slot, bySlot } = decodeMessage('unlock/cancel', cancel.bytes);
      return [slot, bySlot];
    }),
  ];
}
