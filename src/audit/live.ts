/**
 * Asks every node of an entry for a statement over a fresh nonce (`GET /v1/live`), and compares: signed in the token under the
 * identity key that the entry gives this node, for the entry that is audited, running code that the entry permits. A nonce of this
 * very audit: an old answer, replayed, does not fit.
 */
import { z } from 'zod';
import { nodeStatement } from '../api/publication.ts';
import { equalBytes, type Id, NO_ID, toHex } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import type { EntryFleet, EntryNode, FleetEntry } from '../fleet/entry.ts';
import { readOfNode } from '../quorum/quorum-certificate.ts';
import { lastSignedBy, signingFleets } from '../trust/signed-entry.ts';
import type { Message } from '../wire/message.ts';
import type { Verify } from '../wire/signed.ts';
import { type Finding, finding } from './report.ts';

export interface LiveOptions {
  /** The body of an answer. @throws when there is none, or it is too long */
  readonly fetchText: (url: string) => Promise<string>;
  readonly random: Random;
  readonly verify: Verify;
  /** Nodes that run code which nobody measured are bad news, unless this is a development fleet and was called one. */
  readonly allowSimulated: boolean;
}

type Live = Message<'node/live'>;

export async function auditLive(entry: FleetEntry, options: LiveOptions): Promise<readonly Finding[]> {
  const asked = signingFleets(entry).flatMap((fleet) => fleet.nodes.map((node) => ({ fleet, node })));
  return (await Promise.all(asked.map(({ fleet, node }) => auditNode(entry, fleet, node, options)))).flat();
}

async function auditNode(entry: FleetEntry, fleet: EntryFleet, node: EntryNode, options: LiveOptions): Promise<readonly Finding[]> {
  const name = `live ${node.name}`;
  const nonce = options.random(32);
  let text: string;
  try {
    text = await options.fetchText(`${node.url.replace(/\/$/, '')}/v1/live?nonce=${toHex(nonce)}`);
  } catch (error) {
    const evidence = { url: node.url, why: error instanceof Error ? error.message : 'unknown' };
    return lastSignedBy(fleet, node) === undefined
      ? [finding(name, 'unknown', 'The node does not answer.', evidence)]
      : [finding(name, 'noted', 'The node does not answer, and the entry says that it is absent.', evidence)];
  }
  try {
    return [judge(name, readLive(text, fleet, node, nonce, options.verify), entry, fleet, options.allowSimulated)];
  } catch (error) {
    if (!(error instanceof HoldfastError) && !(error instanceof z.ZodError) && !(error instanceof SyntaxError)) throw error;
    const why = error instanceof HoldfastError ? error.message : 'it is not as documented';
    return [
      finding(name, 'bad', `The node's answer does not verify under the identity key that the entry gives it: ${why}.`, { url: node.url }),
    ];
  }
}

/** @throws `malformed`, `wrong-fleet`, `not-signed` */
function readLive(text: string, { fleet }: EntryFleet, node: EntryNode, nonce: Uint8Array, verify: Verify): Live {
  const { signed } = z.decode(nodeStatement, JSON.parse(text));
  const live = readOfNode('node/live', signed, fleet, verify);
  if (live.signer !== node.id) throw new HoldfastError('not-signed', 'another node of the fleet signed it');
  if (!equalBytes(live.nonce, nonce)) throw new HoldfastError('not-signed', 'it is over another nonce: an old answer, replayed');
  return live;
}

function judge(name: string, live: Live, entry: FleetEntry, { measurements }: EntryFleet, allowSimulated: boolean): Finding {
  const evidence = { measurement: live.measurement, entry: live.entry };
  if (live.entry !== entry.digest)
    return finding(name, 'bad', 'The node serves another entry than this one.', { ...evidence, expected: entry.digest });
  const permitted: readonly Id[] = measurements.map(({ digest }) => digest);
  if (permitted.includes(live.measurement)) {
    const words = 'Just now its token signed that it serves this entry, and it says that it runs code which the entry permits.';
    return finding(name, 'good', words, evidence);
  }
  if (live.measurement === NO_ID && allowSimulated)
    return finding(
      name,
      'noted',
      'Just now its token signed that it serves this entry. It runs code that nobody measured: for development.',
      evidence,
    );
  if (permitted.length === 0)
    return finding(name, 'unknown', 'The entry names no code that this node may run: there is nothing to compare.', evidence);
  return finding(name, 'bad', 'The node says that it runs code which the entry does not permit.', evidence);
}

/** Beside what one node says: whether all say the same. */
export const LIVE_PROVES_NOT = 'that what a node says of its own code is true: it is a way to notice drift, and no attestation.';
