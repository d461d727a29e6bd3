/**
 * A member follows one number at a time (docs/design.md, "Choosing numbers"). It votes for the number after its own when that
 * one is settled: a success, or a guess that a quorum certified. Otherwise, and for every larger step, the client shows
 * statuses of n-q+1 members that have counted the number before. At most n-q members lie, so an honest one has counted it.
 *
 * (Attack: with somebody's login, one attempt under number 10 uses up all guesses at once and passes by every delay. Attack:
 * a login and one node spread votes over the members until no number is left that a quorum would vote for.)
 *
 * A recovery code has more numbers than anybody can use up, so there a member follows a client over a bounded step.
 */
import { HoldfastError } from '../../base/errors.ts';
import type { Registration } from '../../vault/registration.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Signed } from '../../wire/signed.ts';
import type { Member } from '../ask.ts';
import { stepOf } from '../counters.ts';
import type { View } from '../effects.ts';
import { mayLie, readCertifiedAttempt, readOfNode } from '../quorum-certificate.ts';

/** @param shown node/status statements that the client brings along; what does not verify counts for nothing */
export function isNext(member: Member, view: View, current: Registration, attempt: number, shown: readonly Signed[]): boolean {
  const step = stepOf(current.core.policy.guesses);
  if (attempt <= view.counters.tried + step && (step > 1 || isSettled(member, view, current))) return true;
  return showCounted(member, current, attempt - 1, shown);
}

/** The last number that this member counted is a success, or a quorum counted it too. */
function isSettled(member: Member, { counters: { tried, cleared }, record }: View, { slot, generation, digest }: Registration): boolean {
  if (tried <= cleared) return true;
  const [first] = record?.attempt?.votes ?? [];
  if (record?.attempt === undefined || first === undefined) return false;
  // The disk is not believed: only a whole certificate settles a number.
  const says = { slot, generation, digest, attempt: decodeMessage('node/attempt-vote', first.bytes).attempt };
  return says.attempt >= tried && verifies(() => readCertifiedAttempt(record.attempt?.votes ?? [], says, member.fleet, member.verify));
}

/** Whether more members than may lie say that they have counted this number. They only ever count up, so an old status is as good. */
function showCounted(member: Member, { slot, generation, digest }: Registration, attempt: number, shown: readonly Signed[]): boolean {
  const { fleet, verify } = member;
  const signers = new Set<string>();
  for (const signed of shown.slice(0, fleet.nodes.length)) {
    verifies(() => {
      const said = readOfNode('node/status', signed, fleet, verify);
      const same = said.slot === slot && said.generation === generation && said.digest === digest;
      if (same && said.tried >= attempt) signers.add(said.signer);
    });
  }
  return signers.size > mayLie(fleet);
}

function verifies(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code !== 'alarm') return false;
    throw error;
  }
}
