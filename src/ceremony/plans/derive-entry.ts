/**
 * The fleet entry that follows from a ceremony: from its parameters and from what was read back from the tokens, and from
 * nothing else. The ceremony writes it, and `holdfast ceremony verify` derives it again.
 */
import { type Id, NO_ID, toBase64url } from '../../base/bytes.ts';
import { type FleetEntry, makeEntry } from '../../fleet/entry.ts';
import { makeFleet } from '../../fleet/fleet.ts';
import type { Known } from '../plan.ts';
import { publicKeyOf } from './node-token.ts';
import { tokenStep } from './token-keys.ts';

export interface EntryParameters {
  readonly namespace: string;
  readonly quorum: number;
  /** To the second, in UTC. */
  readonly validFrom: string;
  readonly validUntil: string;
  readonly measurements?: readonly { readonly digest: Id; readonly rebuild: string }[] | undefined;
  readonly nodes: readonly { readonly name: string; readonly region: string; readonly operator: string; readonly url: string }[];
}

/** @throws `malformed` when the keys or numbers make no fleet */
export function deriveEntry(
  { namespace, quorum, validFrom, validUntil, measurements = [], nodes }: EntryParameters,
  known: Known,
): FleetEntry {
  const keys = nodes.map(({ name }) => ({
    identityKey: publicKeyOf(known, name, 'identity'),
    sealingKey: publicKeyOf(known, name, 'sealing'),
  }));
  const fleet = makeFleet(namespace, quorum, quorum, keys);
  return makeEntry({
    namespace,
    sequence: 1,
    previous: NO_ID,
    validFrom,
    validUntil,
    fleets: [
      {
        state: 'active',
        since: validFrom,
        id: fleet.id,
        quorum,
        threshold: quorum,
        nodes: fleet.nodes.map(({ id, identityKey, sealingKey }, i) => {
          const { name, region, operator, url } = nodes[i] as EntryParameters['nodes'][number];
          const token = known.get(tokenStep(name));
          return {
            id,
            name,
            region,
            operator,
            identityKey: toBase64url(identityKey),
            sealingKey: toBase64url(sealingKey),
            token: {
              model: String(token?.['model']),
              class: token?.['class'] === 'device' ? 'device' : 'host',
              simulated: token?.['simulated'] === true,
            },
            url,
          };
        }),
        measurements: [...measurements],
        evidence: [],
      },
    ],
  });
}
