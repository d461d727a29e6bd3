/**
 * What a member remembers of the others: of each the latest start, and the latest vote that was used, with the statement by
 * which that member itself says so. What anybody claims of another's past without such a statement counts for nothing.
 * (Attack: one liar names a false number at each hello, and every other member is quarantined for good.)
 *
 * Members send along all that they remember when they start and when they are greeted, so that one with an empty store has
 * heard it before it vouches for anybody (docs/design.md, "Rollback").
 */
import { concatBytes, type Id, idToBytes, utf8 } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import { decodeMessage, typeOf } from '../../wire/message.ts';
import { hash, type Signed } from '../../wire/signed.ts';
import type { Member } from '../ask.ts';
import { type Machine, perform } from '../effects.ts';
import { readOfNode } from '../quorum-certificate.ts';
import type { Evidence } from '../record.ts';

const STARTS = utf8('holdfast/v1/starts');

/** Asked for with every vote, of members of a fleet only. */
const starts = new Map<Id, Id>();

/** Under what a member's starts are remembered, beside the votes that stand under its own id. */
export function startsOf(node: Id): Id {
  const known = starts.get(node) ?? hash(concatBytes(STARTS, idToBytes(node)));
  starts.set(node, known);
  return known;
}

/** What a statement shows, its signature not looked at; nothing for one that shows neither a vote nor a start. @throws `malformed` */
function evidenceIn(by: Signed): Evidence | undefined {
  const type = typeOf(by.bytes);
  switch (type) {
    case 'node/attempt-vote':
    case 'node/register-vote':
    case 'node/lock-statement': {
      const { signer, sequence } = decodeMessage(type, by.bytes);
      return { node: signer, signer, sequence, kind: 'vote', by };
    }
    case 'node/hello': {
      const { signer, started } = decodeMessage(type, by.bytes);
      return { node: startsOf(signer), signer, sequence: started, kind: 'start', by };
    }
    default:
      return undefined;
  }
}

/** Those of the statements that show something and that a member of this fleet signed. */
export function readEvidence({ fleet, verify }: Pick<Member, 'fleet' | 'verify'>, statements: readonly Signed[]): readonly Evidence[] {
  return statements.flatMap((by) => {
    try {
      const shown = evidenceIn(by);
      if (shown === undefined) return [];
      readOfNode(shown.kind === 'start' ? 'node/hello' : (typeOf(by.bytes) as 'node/attempt-vote'), by, fleet, verify);
      return [shown];
    } catch (error) {
      if (error instanceof HoldfastError && error.code !== 'alarm') return [];
      throw error;
    }
  });
}

/** @param votes that were verified; used from here on */
export function* remember(votes: readonly Signed[]): Machine<void> {
  yield* perform('saw', { evidence: votes.flatMap((vote) => evidenceIn(vote) ?? []) });
}

/** Takes in what another member remembers. Of two starts with one epoch the first that was heard of stays. */
export function* takeIn(member: Member, statements: readonly Signed[]): Machine<void> {
  const newer: Evidence[] = [];
  for (const shown of readEvidence(member, statements)) {
    const known = yield* perform('seen', { node: shown.node });
    if (shown.kind === 'vote' ? shown.sequence > known : isEarlierEpoch(known, shown.sequence)) newer.push(shown);
  }
  if (newer.length > 0) yield* perform('saw', { evidence: newer });
}

const EPOCH_BITS = 32n;
const epochOf = (sequence: bigint): bigint => sequence >> EPOCH_BITS;

export function isEarlierEpoch(a: bigint, b: bigint): boolean {
  return epochOf(a) < epochOf(b);
}

export function sameEpoch(a: bigint, b: bigint): boolean {
  return epochOf(a) === epochOf(b);
}
