/**
 * What a fleet is: its nodes in order, and the three numbers of its ceremony. The fleet id is the hash of all that must
 * never change while the fleet lives; TLS keys, code and evidence may change without it.
 *
 *   fleet id = SHA-256( u8 length | "holdfast/v1/fleet" | u16 suite | text namespace | u8 n | u8 q | u8 t
 *                       | n x ( 32 node id | 33 identity key | 33 sealing key ) )
 *   node id  = SHA-256( identity key )
 */
import { concatBytes, type Id, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { id, list, point, struct, text, u8, u16 } from '../wire/field.ts';
import { SUITE } from '../wire/message.ts';
import { hash, keyId } from '../wire/signed.ts';

export interface FleetNode {
  readonly id: Id;
  /** 33 bytes, compressed: verifies what the node says. */
  readonly identityKey: Uint8Array;
  /** 33 bytes, compressed: shares are sealed to it. */
  readonly sealingKey: Uint8Array;
}

export interface Fleet {
  readonly id: Id;
  readonly namespace: string;
  /** How many votes certify: a majority. */
  readonly quorum: number;
  /** How many shares recover, and how many hosts must fall before anything is learnt. */
  readonly threshold: number;
  readonly nodes: readonly FleetNode[];
}

const DOMAIN = utf8('holdfast/v1/fleet');
const layout = struct({
  suite: u16,
  namespace: text(255),
  size: u8,
  quorum: u8,
  threshold: u8,
  nodes: list(struct({ id, identityKey: point, sealingKey: point })),
});

/** @throws `malformed` unless the numbers make a majority quorum with t = q and every key is used once. */
export function makeFleet(namespace: string, quorum: number, threshold: number, keys: readonly Omit<FleetNode, 'id'>[]): Fleet {
  const size = keys.length;
  if (![3, 5, 7].includes(size)) fail('malformed', 'a fleet has 3, 5 or 7 nodes', { got: size });
  // Two quorums must share a node, or two registrations could both be certified under one number.
  if (quorum <= size / 2 || quorum > size) fail('malformed', 'the quorum must be a majority of the nodes', { size, quorum });
  // t < q would let fewer shares than votes recover: an attempt could succeed at nodes that no quorum counted.
  if (threshold !== quorum) fail('malformed', 'the threshold must equal the quorum', { quorum, threshold });
  const spelled = keys.flatMap((node) => [keyId(node.identityKey), keyId(node.sealingKey)]);
  if (new Set(spelled).size !== spelled.length) fail('malformed', 'every identity and sealing key must be different');
  const nodes = keys.map(({ identityKey, sealingKey }) => ({ id: keyId(identityKey), identityKey, sealingKey }));
  const bytes = layout.write({ suite: SUITE, namespace, size, quorum, threshold, nodes });
  return { id: hash(concatBytes(Uint8Array.of(DOMAIN.length), DOMAIN, bytes)), namespace, quorum, threshold, nodes };
}

export function nodeOf(fleet: Fleet, node: Id): FleetNode | undefined {
  return fleet.nodes.find((candidate) => candidate.id === node);
}

/** Shares are numbered from 1 in the order of the nodes. */
export function shareIndex(fleet: Fleet, node: Id): number {
  const at = fleet.nodes.findIndex((candidate) => candidate.id === node);
  return at < 0 ? fail('malformed', 'this node is not of this fleet') : at + 1;
}

export function identityKeyOf(fleet: Fleet): (signer: Id) => Uint8Array | undefined {
  return (signer) => nodeOf(fleet, signer)?.identityKey;
}
