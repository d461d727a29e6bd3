/**
 * The bundle to the nodes. One node of a fleet is enough: the others ask it (src/node/tasks/bundle.ts). Those that cannot be
 * reached are told of; so is a fleet of which none could.
 */
import { fail, HoldfastError } from '../base/errors.ts';
import type { Bundle } from '../trust/bundle.ts';
import { parseSignedEntry, signingFleets } from '../trust/signed-entry.ts';
import type { Desk } from './desk.ts';

export interface Delivered {
  /** Names of nodes that serve it now. */
  readonly serving: readonly string[];
  readonly silent: readonly { readonly node: string; readonly why: string }[];
}

/** @throws what a node refused with, when no node of a fleet serves the bundle */
export async function deliver({ nodes, report }: Desk, { entry, line }: Bundle): Promise<Delivered> {
  const serving: string[] = [];
  const silent: { node: string; why: string }[] = [];
  for (const { fleet, nodes: listed, absent = [] } of signingFleets(parseSignedEntry(entry).entry)) {
    const ended = await Promise.allSettled(listed.map(({ url }) => nodes.offer(url, line)));
    const refused: unknown[] = [];
    for (const [i, end] of ended.entries()) {
      const node = listed[i]?.name ?? '';
      if (end.status === 'fulfilled') serving.push(node);
      else {
        refused.push(end.reason);
        silent.push({ node, why: end.reason instanceof Error ? end.reason.message : 'unknown' });
      }
    }
    const [first] = refused;
    if (refused.length < listed.length || absent.length === listed.length) continue;
    if (!(first instanceof HoldfastError)) throw first;
    fail(first.code, `no node of the fleet takes the bundle: ${first.message}`, { ...first.evidence, fleet: fleet.id }, first);
  }
  report({ step: 'deliver', words: `${serving.length} of ${serving.length + silent.length} nodes serve the bundle` });
  return { serving, silent };
}
