/**
 * The steps that every node's token goes through, in whatever ceremony: initialised, four keys made inside and read back,
 * the counters' pages, and what the token must refuse. Order: the keys before the pages, whose tags they make; the pages' root
 * object last.
 */
import { z } from 'zod';
import { fromBase64url } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import { decodePoint } from '../../oprf/point.ts';
import { type KeyKind, NODE_KEYS, type NodeRole } from '../../token/index.ts';
import type { Condition, Facts, Known, Step } from '../plan.ts';
import type { RemoteCreation } from '../remote-creation.ts';

export interface TokenSite {
  /** Makes an empty token that takes its PIN. @throws `configuration` when there is a token already */
  initialise(node: string): Promise<void>;
  /** Nothing when the node has no token yet. */
  token(node: string): RemoteCreation | undefined;
}

const attributes = z.object({
  TOKEN: z.boolean(),
  PRIVATE: z.boolean(),
  SENSITIVE: z.boolean(),
  ALWAYS_SENSITIVE: z.boolean(),
  EXTRACTABLE: z.boolean(),
  NEVER_EXTRACTABLE: z.boolean(),
  LOCAL: z.boolean(),
});

const attributesOf = (facts: Facts) => attributes.parse(facts['attributes']);

/** Someone who knew the PIN before the ceremony could have planted a key of his own: these attributes cannot be set by hand. */
const madeInside: readonly Condition[] = [
  { must: 'CKA_LOCAL is true: the key was made in this token', holds: (facts) => attributesOf(facts).LOCAL },
  { must: 'CKA_NEVER_EXTRACTABLE is true: it never left', holds: (facts) => attributesOf(facts).NEVER_EXTRACTABLE },
  { must: 'CKA_EXTRACTABLE is false: it cannot leave', holds: (facts) => !attributesOf(facts).EXTRACTABLE },
  {
    must: 'CKA_SENSITIVE and CKA_ALWAYS_SENSITIVE are true: nobody reads it',
    holds: (facts) => attributesOf(facts).SENSITIVE && attributesOf(facts).ALWAYS_SENSITIVE,
  },
  {
    must: 'CKA_TOKEN and CKA_PRIVATE are true: it stays, and wants the PIN',
    holds: (facts) => attributesOf(facts).TOKEN && attributesOf(facts).PRIVATE,
  },
];

const hasPublicKey: Condition = {
  must: 'its public key is a point of P-256',
  holds: (facts) => isPoint(facts['publicKey']),
};

export const keyStep = (node: string, role: NodeRole): string => `${node}/${role}`;
export const tokenStep = (node: string): string => `${node}/token`;
export const pagesStep = (node: string): string => `${node}/pages`;
export const misuseStepId = (node: string): string => `${node}/misuse`;

/** @param pages how many pages the counters get */
export function nodeTokenSteps(node: string, pages: number): Step<TokenSite>[] {
  return [
    {
      id: tokenStep(node),
      role: 'operator',
      title: `initialise the token of ${node} and probe what it can do`,
      before: [],
      do: (site) => site.initialise(node),
      readBack: async (site) => site.token(node)?.probe(),
      after: [
        {
          must: 'a share sealed on the host is opened and evaluated inside as RFC 9497 says',
          holds: ({ wrapping }) => wrapping !== undefined,
        },
      ],
    },
    ...(['tags', 'identity', 'sealing', 'tls'] as const).map((role) => keyCreation(node, role)),
    {
      id: pagesStep(node),
      role: 'operator',
      title: `write the counters' ${pages} empty pages in ${node}, the root object last`,
      before: Object.keys(NODE_KEYS).map((role) => keyStep(node, role as NodeRole)),
      do: (site) => open(site, node).createPages(pages),
      readBack: (site) => open(site, node).readPages(),
      after: [
        { must: `${pages} pages cover the whole space, proven from their root`, holds: (facts) => facts['pages'] === pages },
        { must: 'nothing was ever counted', holds: (facts) => facts['sequence'] === '0' },
      ],
    },
    misuseStep(node),
  ];
}

/**
 * What a device lets its PIN's holder do although it should not, by profile: known and told, and why the backup key is shared
 * over several tokens. Anything else that is open stops the ceremony.
 */
const KNOWN_OPEN: Readonly<Record<string, readonly string[]>> = {
  softhsm2: ['derive a readable value with the sealing key'],
};

function misuseStep(node: string): Step<TokenSite> {
  return {
    id: misuseStepId(node),
    role: 'observer',
    title: `try on ${node} what the holder of its PIN should not be able to do`,
    before: Object.keys(NODE_KEYS).map((role) => keyStep(node, role as NodeRole)),
    readBack: (site) => open(site, node).tryMisuse(),
    after: [
      {
        must: 'reading, changing, copying and wrapping keys was tried',
        holds: ({ refused }) => Array.isArray(refused) && refused.length >= 20,
      },
      {
        must: 'all of it was refused, but for what is known to be open on this device',
        holds: ({ open: left }, known) => {
          const allowed = KNOWN_OPEN[String(known.get(tokenStep(node))?.['profile'])] ?? [];
          return Array.isArray(left) && left.every((attempt) => allowed.includes(String(attempt)));
        },
      },
    ],
  };
}

const PURPOSE: Readonly<Record<NodeRole, string>> = {
  tags: 'for keyed tags of the counters',
  identity: 'that signs what the node says',
  sealing: 'that opens shares sealed for the node',
  tls: 'for TLS',
};

const KIND: Readonly<Record<KeyKind, string>> = {
  'p256-sign': 'P-256 key pair',
  'p256-derive': 'P-256 key pair',
  ed25519: 'Ed25519 key pair',
  mac: '32-byte secret',
};

function keyCreation(node: string, role: NodeRole): Step<TokenSite> {
  const spec = NODE_KEYS[role];
  return {
    id: keyStep(node, role),
    role: 'operator',
    title: `make in ${node} the ${KIND[spec.kind]} ${PURPOSE[role]} (${spec.label})`,
    before: [tokenStep(node)],
    do: (site) => open(site, node).createKey(spec),
    readBack: (site) => open(site, node).readKey(spec),
    after: [...madeInside, ...(spec.kind === 'mac' ? [] : [hasPublicKey])],
  };
}

function open(site: TokenSite, node: string): RemoteCreation {
  const token = site.token(node);
  if (token === undefined) throw new HoldfastError('token-unavailable', 'the token that the transcript speaks of is gone', { node });
  return token;
}

function isPoint(text: unknown): boolean {
  try {
    decodePoint(fromBase64url(String(text)));
    return true;
  } catch {
    return false;
  }
}

/** A key's public half as it was read back. Only for steps that are recorded. */
export function publicKeyOf(known: Known, node: string, role: Exclude<NodeRole, 'tags'>): Uint8Array {
  return fromBase64url(String(known.get(keyStep(node, role))?.['publicKey']));
}
