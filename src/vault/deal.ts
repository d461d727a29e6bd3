/**
 * Every registration has an OPRF key of its own, made by the client, shared among the nodes of one fleet and then
 * forgotten. In two steps, because a sealed share is bound to the hash of everything else in the registration: the public
 * shares and the unlock key must exist before the first share can be sealed.
 */
import { toHex } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { decodePoint } from '../oprf/point.ts';
import { encodeScalar, randomScalar } from '../oprf/scalar.ts';
import { type Sharing, split } from '../oprf/sharing.ts';
import { type SealedShare, sealShare } from './seal.ts';

export interface Dealt extends Sharing {
  /** The OPRF key, 32 bytes: for the registration's own OPRF output, and to be kept under the backup key (kept.ts). Never in clear elsewhere. */
  readonly key: Secret<Uint8Array>;
  /** As given, 33 bytes each; share i is for sealing key i. */
  readonly sealingKeys: readonly Uint8Array[];
}

/**
 * @param sealingKeys in the order of nodes in the fleet's entry, 33 bytes each.
 * @param key the OPRF key, 32 bytes: one that is dealt again; by default a new one.
 * @throws `malformed` unless 1 <= t <= n <= 7 and the sealing keys are n different points.
 */
export function deal(t: number, sealingKeys: readonly Uint8Array[], random: Random, key: Secret<Uint8Array> = newKey(random)): Dealt {
  // Two nodes with one sealing key would be one node with two shares.
  for (const sealingKey of sealingKeys) decodePoint(sealingKey);
  const different = new Set(sealingKeys.map(toHex));
  if (different.size !== sealingKeys.length) fail('malformed', 'two nodes have the same sealing key', { n: sealingKeys.length });
  return { key, sealingKeys, ...split(key, t, sealingKeys.length, random) };
}

function newKey(random: Random): Secret<Uint8Array> {
  return new Secret(encodeScalar(randomScalar(random)));
}

/**
 * One sealed share per node, in their order.
 * @param contextOf the 32-byte context of the node at this position (0..n-1) for this ephemeral key (33 bytes).
 */
export function sealAll(
  dealt: Dealt,
  contextOf: (position: number, ephemeralKey: Uint8Array) => Uint8Array,
  random: Random,
): SealedShare[] {
  return dealt.sealingKeys.map((sealingKey, position) => {
    const share = dealt.shares[position] as Secret<Uint8Array>;
    return sealShare({ share, sealingKey, context: (ephemeralKey) => contextOf(position, ephemeralKey), random });
  });
}
