/**
 * Brings about a lock's certificate for a slot whose guesses are used up here (member/lock.ts).
 *
 * First the others' confirmations: with the proofs of n-q+1 others, at least one is of a member that acknowledged any
 * confirmation that q members did, even if this member's token was rolled back and forgot it. Each member asked for a
 * statement does the same for itself (`learn`, below). Then the statements: q with equal counters are a certificate.
 */
import type { Id } from '../../base/bytes.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { type Place, slotId } from '../../vault/slot.ts';
import type { Message } from '../../wire/message.ts';
import type { Signed, Verify } from '../../wire/signed.ts';
import { does, gather, type Patience, type Talk } from './conversation.ts';
import { readFrom } from './expected.ts';

/** How many others must have told their confirmations before a member says that its guesses are used up. */
export function othersToHear({ nodes, quorum }: Fleet): number {
  return nodes.length - quorum + 1;
}

/** @returns the certificate, or nothing when it cannot be had now */
export function* coordinateLock(fleet: Fleet, verify: Verify, place: Place, patience: Patience): Talk<readonly Signed[] | undefined> {
  const slot = slotId(place);
  const heard = yield* does('learn', { slot, untilMs: patience.startMs + patience.limitMs / 2 });
  if (heard < othersToHear(fleet)) return undefined;
  const members = fleet.nodes.map((node) => node.id);
  const read = (signed: Signed, from: Id) => readStatement(from, signed, slot, fleet, verify);
  const counts = (signed: Signed, from: Id) => read(signed, from) !== undefined;
  const { said } = yield* gather(members, { op: 'lock', place }, patience, { enough: fleet.quorum, counts, slot });
  const groups = new Map<string, Signed[]>();
  for (const { node, signed } of said) {
    const statement = read(signed, node);
    if (statement === undefined) continue;
    const { generation, digest, cleared, tried } = statement;
    const key = `${generation} ${digest} ${cleared} ${tried}`;
    groups.set(key, [...(groups.get(key) ?? []), signed]);
  }
  return [...groups.values()].find((statements) => statements.length >= fleet.quorum);
}

function readStatement(node: Id, signed: Signed, slot: Id, fleet: Fleet, verify: Verify): Message<'node/lock-statement'> | undefined {
  const statement = readFrom('node/lock-statement', signed, node, fleet, verify);
  return statement?.slot === slot ? statement : undefined;
}
