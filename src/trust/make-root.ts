/**
 * Making a `root.json`, for the root ceremonies: `makeRoot` gives the bytes that both sides sign, each with its keys in its own
 * tokens, and `assembleRoot` puts the signatures beside them. Only what other clients would accept is given out.
 */
import { canonicalize } from '@tufjs/canonical-json';
import { fromUtf8, type Id, toHex } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { parseVkey } from '../log/vkey.ts';
import { parseRoot, type Root, tufKey, tufKeyId } from './root.ts';
import { follow, openRoot } from './roots.ts';

export interface RootPlan {
  readonly version: number;
  /** To the second and in UTC: 2030-01-01T00:00:00Z. */
  readonly expires: string;
  readonly namespace: string;
  /** Ed25519 public keys of both sides, 32 bytes each, and how many sign the next root. */
  readonly operatorRootKeys: readonly Uint8Array[];
  readonly witnessRootKeys: readonly Uint8Array[];
  readonly threshold: number;
  /** From here on vkeys as text: release and log of type 0x01, the others of type 0x04. */
  readonly release: { readonly threshold: number; readonly keys: readonly string[] };
  readonly log: string;
  readonly witness: string;
  readonly operator: string;
  readonly thirdParties: readonly string[];
}

/** The bytes that root keys sign. @throws `malformed` for a plan that clients would refuse */
export function makeRoot(plan: RootPlan): Uint8Array {
  const sides = { operator: plan.operatorRootKeys.map(tufKeyId), witness: plan.witnessRootKeys.map(tufKeyId) };
  const releaseKeys = plan.release.keys.map((one) => parseVkey(one).key);
  const role = (keys: readonly Id[], threshold: number) => ({ keyids: keys, threshold });
  const release = role(releaseKeys.map(tufKeyId), plan.release.threshold);
  const keys = [...plan.operatorRootKeys, ...plan.witnessRootKeys, ...releaseKeys];
  const signed = {
    _type: 'root',
    spec_version: '1.0.31',
    version: plan.version,
    expires: plan.expires,
    consistent_snapshot: true,
    keys: Object.fromEntries(keys.map((one) => [tufKeyId(one), tufKey(one)])),
    roles: {
      root: role([...sides.operator, ...sides.witness], plan.threshold),
      timestamp: release,
      snapshot: release,
      targets: release,
    },
    holdfast: {
      namespace: plan.namespace,
      sides,
      release: plan.release,
      log: plan.log,
      witness: plan.witness,
      operator: plan.operator,
      thirdParties: plan.thirdParties,
    },
  };
  return parseRoot(canonicalize({ signatures: [], signed })).signedBytes;
}

export interface RootSignature {
  readonly publicKey: Uint8Array;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * The text of `root.json`.
 * @param before the root that it follows, if there is one
 * @throws `malformed`; `not-signed` unless thresholds of its own keys and of the root before signed
 */
export function assembleRoot(signedBytes: Uint8Array, signatures: readonly RootSignature[], before?: Root): string {
  const text = canonicalize({
    signatures: signatures.map(({ publicKey, signature }) => ({ keyid: tufKeyId(publicKey), sig: toHex(signature) })),
    signed: parseSigned(signedBytes),
  });
  const root = openRoot(text);
  if (before !== undefined) follow(before, root);
  return text;
}

function parseSigned(signedBytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(signedBytes));
  } catch {
    return fail('malformed', 'the bytes to sign are not those of a root');
  }
}
