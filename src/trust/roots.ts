/**
 * From the root that a client pins to the one that counts now (TUF specification 1.0, section 5.3). A root counts if it is the
 * next version, and a threshold of the keys of the one before *and* of its own signed it: see root.ts for why that takes both
 * the operator and the witness. If one side is lost for good, the way out is an app that pins another root: a pinned root wins
 * over what the client saw before, unless that is newer.
 *
 * Called by verify.ts, the witness and the operator; ceremonies make roots by make-root.ts.
 */
import { equalBytes } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { verifyEd25519 } from '../log/vkey.ts';
import { parseRoot, type Root } from './root.ts';

export interface RootSources {
  /** Compiled into or configured in the client: the text of a root of any version. */
  readonly pinned: string;
  /** The latest root that this client followed so far. */
  readonly seen?: string | undefined;
  /** One after the other, as a bundle carries them. Those up to where the client is are passed over. */
  readonly chain: readonly string[];
}

/**
 * The latest root that the chain leads to; whether it has expired is for the caller to judge.
 * @throws `malformed`, `too-large`; `not-signed` for a root that a threshold did not sign, a gap, or another chain
 */
export function openRoots({ pinned, seen, chain }: RootSources): Root {
  const start = newer(openRoot(pinned), seen === undefined ? undefined : openRoot(seen));
  let current = start;
  let previous: Root | undefined;
  for (const next of chain.map(parseRoot)) {
    if (previous !== undefined && next.version !== previous.version + 1)
      fail('not-signed', 'the chain of roots has a gap', gap(previous, next));
    previous = next;
    if (next.version < start.version) continue;
    if (next.version === start.version) {
      // Attack: a chain that branched off before what this client knows, under keys that have been replaced since.
      if (!equalBytes(next.signedBytes, start.signedBytes))
        fail('not-signed', 'this is another chain of roots than the one that is pinned or was seen', { version: next.version });
      continue;
    }
    current = follow(current, next);
  }
  return current;
}

/** A root by itself: its form, and that a threshold of its own keys signed it. @throws as `openRoots` */
export function openRoot(text: string): Root {
  const root = parseRoot(text);
  requireSigned(root, root);
  return root;
}

/** @throws `not-signed` unless `next` follows `current` by TUF's rule */
export function follow(current: Root, next: Root): Root {
  if (next.version !== current.version + 1) fail('not-signed', 'the chain of roots has a gap', gap(current, next));
  requireSigned(next, current);
  requireSigned(next, next);
  // Every fleet id and account id is under the namespace: there is nothing to carry over into another.
  if (next.namespace !== current.namespace)
    fail('not-signed', 'a root changes the namespace', { got: next.namespace, expected: current.namespace });
  return next;
}

function gap(before: Root, after: Root) {
  return { version: after.version, expected: before.version + 1 };
}

function newer(pinned: Root, seen: Root | undefined): Root {
  return seen !== undefined && seen.namespace === pinned.namespace && seen.version > pinned.version ? seen : pinned;
}

/** @throws `not-signed` unless a threshold of the keys of `by` signed `root`, or when one of those keys' signatures is wrong */
function requireSigned(root: Root, by: Root): void {
  const signers = new Set<string>();
  for (const { keyId, signature } of root.signatures) {
    const key = by.keys.get(keyId);
    if (key === undefined) continue;
    if (!verifyEd25519(key, root.signedBytes, signature))
      fail('not-signed', 'a signature of a root does not verify', { version: root.version, keyId });
    signers.add(keyId);
  }
  if (signers.size < by.threshold)
    fail('not-signed', `too few keys of root version ${by.version} signed root version ${root.version}`, {
      got: signers.size,
      expected: by.threshold,
    });
}
