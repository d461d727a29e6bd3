/** Records of the right shape, with noise where signatures would stand: the store does not look inside. */
import { randomBytes } from 'node:crypto';
import { type Id, toHex } from '../../src/base/bytes.ts';
import type { Proof, SlotRecord } from '../../src/quorum/record.ts';
import { PASSCODE, type Place, slotId } from '../../src/vault/slot.ts';
import type { Signed } from '../../src/wire/signed.ts';

const noise = (length: number) => new Uint8Array(randomBytes(length));

export const anyId = (): Id => toHex(noise(32)) as Id;
export const anySigned = (): Signed => ({ bytes: noise(250), signature: noise(64) });
export const anyPlace = (): Place => ({ tenant: 'tenant', account: anyId(), way: PASSCODE });

export function anyProof(): Proof {
  return {
    standing: { registration: noise(1200), votes: [anySigned(), anySigned()], activation: anySigned() },
    attempt: { votes: [anySigned(), anySigned()] },
  };
}

export function anyRecord(place = anyPlace()): { slot: Id; record: SlotRecord } {
  return { slot: slotId(place), record: { place, ...anyProof(), attemptVote: anySigned() } };
}
