/**
 * One `root.json`: TUF root metadata (specification 1.0, sections 4.2.1 to 4.3) in OLPC canonical JSON, with our member
 * `holdfast` (docs/transparency.md, "Roots"). Its form and its rules; whether it counts is told by roots.ts.
 *
 * Refused: another spelling of the same JSON, key ids that are not their keys', a key in two places, a threshold that one side
 * alone reaches, roles that disagree with `holdfast`. TUF's own members that are unknown here are passed over, as TUF says, and
 * are covered by the signatures; an unknown member of `holdfast` refuses the root.
 */

import { hexToBytes } from '@noble/hashes/utils.js';
import { canonicalize } from '@tufjs/canonical-json';
import { z } from 'zod';
import { type Id, isId, toHex, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { COSIGNATURE_KEY, NOTE_KEY, parseVkey, type Vkey, type VkeyType } from '../log/vkey.ts';
import { hash } from '../wire/signed.ts';

export const ROOT_BYTES_MAX = 32 * 1024;

const id = z.custom<Id>((value) => typeof value === 'string' && isId(value), 'expected 64 lower-case hex digits');
const ids = z.array(id).min(1).max(32);
const time = z.iso.datetime({ precision: 0 }).transform((text) => Date.parse(text));
const vkey = z.string().max(400);
const role = z.looseObject({ keyids: ids, threshold: z.int().min(1).max(32) });
const key = z.looseObject({ keytype: z.literal('ed25519'), scheme: z.literal('ed25519'), keyval: z.looseObject({ public: id }) });

const holdfast = z.strictObject({
  namespace: z.string().regex(/^[\x20-\x7e]{1,255}$/),
  sides: z.strictObject({ operator: ids, witness: ids }),
  release: z.strictObject({ threshold: z.int().min(1).max(32), keys: z.array(vkey).min(1).max(32) }),
  log: vkey,
  witness: vkey,
  operator: vkey,
  thirdParties: z.array(vkey).max(32),
});

const metadata = z.strictObject({
  signatures: z.array(z.looseObject({ keyid: id, sig: z.string().regex(/^[0-9a-f]{128}$/) })).max(128),
  signed: z.looseObject({
    _type: z.literal('root'),
    spec_version: z.string().regex(/^1\.0(\.[0-9]{1,4})?$/),
    version: z.int().min(1).max(1_000_000),
    expires: time,
    consistent_snapshot: z.boolean(),
    keys: z.record(id, key),
    roles: z.looseObject({ root: role, timestamp: role, snapshot: role, targets: role }),
    holdfast,
  }),
});

type Signed = z.output<typeof metadata>['signed'];

export interface Root {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Of every entry. */
  readonly namespace: string;
  /** The keys of both sides, by TUF key id, and how many of them sign the next root. */
  readonly keys: ReadonlyMap<Id, Uint8Array>;
  readonly threshold: number;
  readonly sides: { readonly operator: readonly Id[]; readonly witness: readonly Id[] };
  readonly release: { readonly threshold: number; readonly keys: readonly Vkey[] };
  /** Its name is the log's origin. */
  readonly log: Vkey;
  readonly witness: Vkey;
  readonly operator: Vkey;
  readonly thirdParties: readonly Vkey[];
  /** As shipped. */
  readonly text: string;
  /** What is signed: the canonical JSON of `signed`. */
  readonly signedBytes: Uint8Array;
  readonly signatures: readonly { readonly keyId: Id; readonly signature: Uint8Array }[];
}

/** TUF's id of an Ed25519 key: SHA-256 of the key's canonical JSON. */
export function tufKeyId(publicKey: Uint8Array): Id {
  return hash(utf8(canonicalize(tufKey(publicKey))));
}

export function tufKey(publicKey: Uint8Array) {
  return { keytype: 'ed25519', keyval: { public: toHex(publicKey) }, scheme: 'ed25519' };
}

/**
 * The form of a root, and nothing about who signed it: see `openRoots`.
 * @param text with or without a line feed at its end
 * @throws `malformed` naming the member at fault, `too-large`
 */
export function parseRoot(text: string): Root {
  const spelled = text.endsWith('\n') ? text.slice(0, -1) : text;
  if (spelled.length > ROOT_BYTES_MAX) fail('too-large', `a root has at most ${ROOT_BYTES_MAX} bytes`, { got: spelled.length });
  const value = readCanonical(spelled);
  const read = metadata.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return fail('malformed', `root.json: ${issue?.path.join('.') || 'the text'}: ${issue?.message}`);
  }
  const { signed, signatures } = read.data;
  const { sides, release, log, witness, operator, thirdParties, namespace } = signed.holdfast;
  const root: Root = {
    version: signed.version,
    expires: signed.expires,
    namespace,
    keys: new Map(signed.roles.root.keyids.map((one) => [one, keyOf(signed, one)])),
    threshold: signed.roles.root.threshold,
    sides,
    release: { threshold: release.threshold, keys: release.keys.map((one) => vkeyOf(one, NOTE_KEY)) },
    log: vkeyOf(log, NOTE_KEY),
    witness: vkeyOf(witness, COSIGNATURE_KEY),
    operator: vkeyOf(operator, COSIGNATURE_KEY),
    thirdParties: thirdParties.map((one) => vkeyOf(one, COSIGNATURE_KEY)),
    text: spelled,
    signedBytes: utf8(canonicalize((value as { signed: unknown }).signed)),
    signatures: signatures.map(({ keyid, sig }) => ({ keyId: keyid, signature: hexToBytes(sig) })),
  };
  checkRules(root, signed);
  return root;
}

/** One spelling of what is signed and of the signatures: two texts of one root would be two digests of one bundle. */
function readCanonical(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', 'root.json is not JSON');
  }
  const canonical = isCanonical(value) && canonicalize(value) === text;
  return canonical ? value : fail('malformed', 'root.json is not in its one spelling, canonical JSON');
}

/** A root has five. */
const DEPTH_MAX = 16;

/** What `canonicalize` can spell: it throws what is no HoldfastError on fractions, and overflows the stack on what is too deep. */
function isCanonical(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  return depth < DEPTH_MAX && Object.values(value).every((one) => isCanonical(one, depth + 1));
}

function keyOf({ keys }: Signed, keyId: Id): Uint8Array {
  const listed = keys[keyId];
  if (listed === undefined) return fail('malformed', 'root.json: a role names a key that is not listed', { keyId });
  const bytes = hexToBytes(listed.keyval.public);
  return tufKeyId(bytes) === keyId ? bytes : fail('malformed', 'root.json: the id of a key is not that of the key', { keyId });
}

function vkeyOf(text: string, type: VkeyType): Vkey {
  const read = parseVkey(text);
  return read.type === type ? read : fail('malformed', `root.json: expected a vkey of type 0x0${type}`, { name: read.name });
}

function checkRules(root: Root, signed: Signed): void {
  const { keys, threshold, sides, release } = root;
  const both = [...sides.operator, ...sides.witness];
  if (both.length !== keys.size || !both.every((one) => keys.has(one)) || new Set(both).size !== both.length)
    fail('malformed', 'root.json: the two sides are not exactly the keys of the role root');
  // The point of two sides: neither replaces the keys of the other alone.
  if (threshold <= Math.max(sides.operator.length, sides.witness.length) || threshold > keys.size)
    fail('malformed', 'root.json: the threshold must be above what either side holds, and reachable', {
      threshold,
      operator: sides.operator.length,
      witness: sides.witness.length,
    });
  if (release.threshold > release.keys.length) fail('malformed', 'root.json: the release threshold cannot be reached');
  // What a key says in one use must not count in another.
  const vkeys = [...release.keys, root.log, root.witness, root.operator, ...root.thirdParties];
  const all = [...keys.values(), ...vkeys.map((one) => one.key)].map(toHex);
  if (new Set(all).size !== all.length) fail('malformed', 'root.json: a key stands in two places');
  // A line of a note names its key by name and id: two keys of one would be two meanings of one line.
  if (new Set(vkeys.map((one) => `${one.name} ${one.keyId}`)).size !== vkeys.length)
    fail('malformed', 'root.json: two keys have one name and id');
  checkRoles(signed, release, keys);
}

/** Other TUF clients read who releases from the roles: these must say what `holdfast` says. */
function checkRoles({ roles, keys: listed }: Signed, release: Root['release'], rootKeys: Root['keys']): void {
  const expected = release.keys.map((one) => tufKeyId(one.key)).sort();
  for (const name of ['timestamp', 'snapshot', 'targets'] as const) {
    const { keyids, threshold } = roles[name];
    if (threshold !== release.threshold || [...keyids].sort().join() !== expected.join())
      fail('malformed', `root.json: the role ${name} must name the release keys and their threshold`);
  }
  const named = new Set([...expected, ...rootKeys.keys()]);
  if (Object.keys(listed).length !== named.size || !Object.keys(listed).every((one) => named.has(one as Id)))
    fail('malformed', 'root.json: keys: exactly those of the roles are listed');
}
