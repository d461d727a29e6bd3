/**
 * Whether a fleet entry tells the truth about this node, as the token itself and the running code know it. Asked at the start
 * for the entry in the configuration, and before the identity key signs a new entry: clients decide by what it says whether to
 * trust a fleet with a share at all, and the node is the only one who can tell what its token is.
 */
import { equalBytes, type Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type EntryFleet, type EntryNode, type FleetEntry, nodeText } from '../fleet/entry.ts';
import type { TokenDescription } from '../token/index.ts';

export interface OwnFacts {
  readonly self: Id;
  /** As the configuration and the entry before call this node. */
  readonly name: string;
  readonly sealingKey: Uint8Array;
  readonly description: TokenDescription;
  /** Of the running code; nothing for code that was not measured. */
  readonly measurement?: Id | undefined;
}

export interface Standing {
  readonly entryFleet: EntryFleet;
  readonly node: EntryNode;
}

/** Where the entry names this node. The id of a node is the hash of its identity key, so no other node is found. */
export function standingIn({ fleets }: FleetEntry, self: Id): Standing | undefined {
  for (const entryFleet of fleets) {
    const node = entryFleet.nodes.find(({ id }) => id === self);
    if (node !== undefined) return { entryFleet, node };
  }
  return undefined;
}

/**
 * What the entry says of nodes that do not sign it: exactly what the one before said, which they signed. (Attack: whoever has the
 * release keys gives a node that can not object another owner, or calls its token a better one. Clients see one entry only; the
 * quorum of nodes that sign it compare.)
 * @param before the one that this node serves, or runs by @throws `untrue-entry`
 */
export function requireTrueAbsence(entry: FleetEntry, { absent = [] }: EntryFleet, before: FleetEntry, self: Id): void {
  for (const { node } of absent) {
    if (node === self) fail('untrue-entry', 'the entry states that this node is absent, and it is here', { node });
    if (nodeText(entry, node) !== nodeText(before, node))
      fail('untrue-entry', 'the entry says other things of an absent node than the one that this node serves', { node });
  }
}

/** @throws `untrue-entry` naming what is not so */
export function requireTruth({ entryFleet: { measurements }, node }: Standing, own: OwnFacts): void {
  const { name, sealingKey, token } = node;
  const { description, measurement } = own;
  if (name !== own.name) fail('untrue-entry', 'the entry calls this node by another name', { entry: name, self: own.name });
  // Attack: an operator, or whoever has its release keys, lists this node with a sealing key of his own.
  if (!equalBytes(sealingKey, own.sealingKey)) fail('untrue-entry', 'the entry names another sealing key for this node', { node: name });
  if (token.class !== description.class)
    fail('untrue-entry', 'the entry names another class of token for this node', { entry: token.class, token: description.class });
  if (token.simulated !== description.simulated) {
    fail('untrue-entry', 'the entry is wrong on whether the token of this node is simulated', {
      entry: token.simulated,
      token: description.simulated,
    });
  }
  if (token.model !== description.model)
    fail('untrue-entry', 'the entry names another model of token for this node', { entry: token.model, token: description.model });
  if (measurement !== undefined && !measurements.some(({ digest }) => digest === measurement))
    fail('untrue-entry', 'the code that this node runs is not among the measurements of its fleet', { measurement });
}
