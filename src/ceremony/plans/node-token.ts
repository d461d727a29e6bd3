/**
 * The steps that every node's token goes through, in whatever ceremony: four keys made inside and read back, the counters' pages,
 * and what the token must refuse. Order: the keys before the pages, whose tags they make; the pages' root object last.
 */
import { fromBase64url } from '../../base/bytes.ts';
import { NODE_KEYS, type NodeRole } from '../../token/index.ts';
import type { Condition, Known, Step } from '../plan.ts';
import { keyCreation, misuseStep, open, type TokenSite, tokenStep } from './token-keys.ts';

export const keyStep = (node: string, role: NodeRole): string => `${node}/${role}`;
export const pagesStep = (node: string): string => `${node}/pages`;
export const misuseStepId = (node: string): string => `${node}/misuse`;

export const opensShares: Condition = {
  must: 'a share sealed on the host is opened and evaluated inside as RFC 9497 says',
  holds: ({ wrapping }) => wrapping !== undefined,
};
export const isEmpty: Condition = { must: 'there is nothing in it', holds: ({ objects }) => objects === 0 };

const PURPOSE: Readonly<Record<NodeRole, string>> = {
  tags: 'for keyed tags of the counters',
  identity: 'that signs what the node says',
  sealing: 'that opens shares sealed for the node',
  tls: 'for TLS',
};
const ROLES = ['tags', 'identity', 'sealing', 'tls'] as const;

/** Its making, without people: see fresh-token.ts for a token whose PIN nobody has. */
export function developmentToken(node: string): Step<TokenSite> {
  return {
    id: tokenStep(node),
    role: 'operator',
    title: `initialise the token of ${node} and probe what it can do`,
    before: [],
    makes: [node],
    do: (site) => site.initialise(node),
    readBack: async (site) => site.token(node)?.probe(),
    after: [isEmpty, opensShares],
  };
}

/** What a node's token holds, once there is a token. @param pages how many pages the counters get */
export function nodeTokenSteps(node: string, pages: number): Step<TokenSite>[] {
  const keys = ROLES.map((role) => keyStep(node, role));
  return [
    ...ROLES.map((role) => keyCreation(keyStep(node, role), node, NODE_KEYS[role], PURPOSE[role])),
    {
      id: pagesStep(node),
      role: 'operator',
      title: `write the counters' ${pages} empty pages in ${node}, the root object last`,
      before: keys,
      makes: [`${node}: counters`],
      do: (site) => open(site, node).createPages(pages),
      readBack: (site) => open(site, node).readPages(),
      after: [
        { must: `${pages} pages cover the whole space, proven from their root`, holds: (facts) => facts['pages'] === pages },
        { must: 'nothing was ever counted', holds: (facts) => facts['sequence'] === '0' },
      ],
    },
    misuseStep(
      misuseStepId(node),
      node,
      keys,
      ROLES.map((role) => NODE_KEYS[role].kind),
    ),
  ];
}

/** A key's public half as it was read back. Only for steps that are recorded. */
export function publicKeyOf(known: Known, node: string, role: Exclude<NodeRole, 'tags'>): Uint8Array {
  return fromBase64url(String(known.get(keyStep(node, role))?.['publicKey']));
}
