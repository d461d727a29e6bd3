/**
 * Steps that make one key in a token, whatever it is for, and that try what the token must refuse. Every attribute is read back
 * from the device and compared; where a device has no such attribute, that must be known of it (devices.ts).
 */
import { z } from 'zod';
import { fromBase64url } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import { decodePoint } from '../../oprf/point.ts';
import type { KeyKind, KeySpec, Targets } from '../../token/index.ts';
import { knownOf } from '../devices.ts';
import { keyIn } from '../lint.ts';
import type { Condition, Facts, Known, Step } from '../plan.ts';
import type { RemoteCreation } from '../remote-creation.ts';

export interface TokenSite {
  /** Makes an empty token that takes its PIN. @throws `configuration` when there is a token already */
  initialise(token: string): Promise<void>;
  /** Nothing when there is no token yet. */
  token(token: string): RemoteCreation | undefined;
}

export const tokenStep = (token: string): string => `${token}/token`;

const told = z.union([z.boolean(), z.literal('unknown')]);
const attributes = z.object({
  TOKEN: z.boolean(),
  PRIVATE: z.boolean(),
  SENSITIVE: z.boolean(),
  ALWAYS_SENSITIVE: z.boolean(),
  EXTRACTABLE: z.boolean(),
  NEVER_EXTRACTABLE: z.boolean(),
  LOCAL: z.boolean(),
  MODIFIABLE: told,
  COPYABLE: told,
  DESTROYABLE: told,
  ALLOWED_MECHANISMS: z.string(),
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

/** CKM_ECDSA, CKM_ECDH1_DERIVE, CKM_EDDSA, CKM_SHA256_HMAC. */
const MECHANISM: Readonly<Record<KeyKind, string>> = { 'p256-sign': '0x1041', 'p256-derive': '0x1050', ed25519: '0x1057', mac: '0x251' };

/** As wanted; or the device says that it has no such attribute, and is known for it. */
function expected(token: string, name: 'MODIFIABLE' | 'COPYABLE' | 'DESTROYABLE', wanted: boolean, why: string): Condition {
  return {
    must: `CKA_${name} is ${wanted}: ${why}`,
    holds: (facts, known) => {
      const found = attributesOf(facts)[name];
      return found === wanted || (found === 'unknown' && isKnownToLack(known, token, name));
    },
  };
}

function isKnownToLack(known: Known, token: string, attribute: string): boolean {
  return knownOf(known.get(tokenStep(token))?.['profile']).unknown.includes(attribute);
}

function confined(token: string, kind: KeyKind): Condition[] {
  return [
    expected(token, 'MODIFIABLE', false, 'nobody changes what it is for'),
    expected(token, 'COPYABLE', false, 'there is no second one'),
    expected(token, 'DESTROYABLE', true, 'it can be destroyed when it has served'),
    {
      must: `CKA_ALLOWED_MECHANISMS is ${MECHANISM[kind]} alone: it does nothing else`,
      holds: (facts, known) => {
        const found = attributesOf(facts).ALLOWED_MECHANISMS;
        return found === MECHANISM[kind] || (found === 'any' && isKnownToLack(known, token, 'ALLOWED_MECHANISMS'));
      },
    },
  ];
}

const PUBLIC: Readonly<Record<KeyKind, readonly Condition[]>> = {
  'p256-sign': [{ must: 'its public key is a point of P-256', holds: ({ publicKey }) => isPoint(publicKey) }],
  'p256-derive': [{ must: 'its public key is a point of P-256', holds: ({ publicKey }) => isPoint(publicKey) }],
  ed25519: [{ must: 'its public key has 32 bytes', holds: ({ publicKey }) => fromBase64url(String(publicKey)).length === 32 }],
  mac: [],
};

const KIND: Readonly<Record<KeyKind, string>> = {
  'p256-sign': 'P-256 key pair',
  'p256-derive': 'P-256 key pair',
  ed25519: 'Ed25519 key pair',
  mac: '32-byte secret',
};

/** @param purpose "that signs what the node says" @param before the token, at least */
export function keyCreation(
  id: string,
  token: string,
  spec: KeySpec,
  purpose: string,
  before: readonly string[] = [tokenStep(token)],
): Step<TokenSite> {
  return {
    id,
    role: 'operator',
    title: `make in ${token} the ${KIND[spec.kind]} ${purpose} (${spec.label})`,
    before,
    makes: [keyIn(token, spec.label)],
    do: (site) => open(site, token).createKey(spec),
    readBack: (site) => open(site, token).readKey(spec),
    after: keyConditions(token, spec.kind),
  };
}

export function keyConditions(token: string, kind: KeyKind): Condition[] {
  return [...madeInside, ...confined(token, kind), ...PUBLIC[kind]];
}

/** How many attempts are made on a key of each kind (src/token/misuse.ts), besides one on the token as a whole. */
const ATTEMPTS: Readonly<Record<KeyKind, number>> = { 'p256-sign': 9, 'p256-derive': 9, ed25519: 8, mac: 8 };

/** @param targets the token's keys by name; of a node by default, whose device was probed */
export function misuseStep(
  id: string,
  token: string,
  keys: readonly string[],
  kinds: readonly KeyKind[],
  targets?: Targets,
): Step<TokenSite> {
  const attempts = kinds.reduce((sum, kind) => sum + ATTEMPTS[kind], 1);
  return {
    id,
    role: 'observer',
    title: `try on ${token} what the holder of its PIN should not be able to do`,
    before: keys,
    tries: token,
    readBack: (site) => open(site, token).tryMisuse(targets),
    after: [
      {
        must: `reading, changing, copying, wrapping and misusing each key was tried, and looking without the PIN: ${attempts} attempts or more`,
        holds: ({ refused, open: left }) => Array.isArray(refused) && Array.isArray(left) && refused.length + left.length >= attempts,
      },
      {
        must: 'all of it was refused, but for what is known to be open on this device',
        holds: ({ open: left }, known) => {
          const allowed = knownOf(known.get(tokenStep(token))?.['profile']).open;
          return Array.isArray(left) && left.every((attempt) => allowed.includes(String(attempt)));
        },
        excusable: true,
      },
    ],
  };
}

export function open(site: TokenSite, name: string): RemoteCreation {
  const token = site.token(name);
  if (token === undefined) throw new HoldfastError('token-unavailable', 'the token that the transcript speaks of is gone', { token: name });
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
