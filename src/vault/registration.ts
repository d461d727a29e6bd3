/**
 * What a client deposits for one way in and one generation. Nodes never learn what is inside.
 *
 *   registration = u16 length | core | n x share
 *   core    = u8 length | "holdfast/v2/registration" | u16 suite | 32 fleet id | place | u32 generation | flag tombstone
 *           | 33 unlock key | bytes owner key (33; a tombstone has none) | u32 guesses | u32 cooling-off seconds | u32 grace seconds
 *           | u8 kdf | u32 memory KiB | u32 passes | u8 parallelism | bytes salt
 *           | u8 count, count x 33 public share K_i | bytes encrypted secret | bytes kept (kept.ts) | bytes credential
 *   share   = 1 | 33 ephemeral key | 152 wrapped key        (AES-KWP of a 138-byte PKCS#8)
 *           | 0 | 32 SHA-256 of the above                   (once all nodes have theirs, others' blobs are dropped)
 *   digest  = SHA-256( u8 length | "holdfast/v1/registration-digest" | 32 SHA-256(core) | n x 32 SHA-256(share) )
 *   context = SHA-256( u8 length | "holdfast/v1/share" | u16 suite | 32 fleet id | 32 node id | 33 sealing key
 *                      | 33 ephemeral key | 32 slot id | u32 generation | 32 SHA-256(core) )
 *
 * The context goes into the wrapping of each share, so nobody can lift sealed shares into a registration of his own: with
 * any byte of the core changed, no share opens.
 *
 * A *tombstone* is a registration without shares or secret: a deletion is a replacement by it, voted and certified like
 * any other generation, so that it cannot race with one. Its credential is empty, or the 32-byte id of the fleet to which the
 * key has moved: then the operator of this one knows how many people are still here.
 */
import { concatBytes, type Id, idToBytes, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Fleet, FleetNode } from '../fleet/fleet.ts';
import { bytes, choice, type Field, flag, id, list, point, Reader, struct, u8, u16, u32 } from '../wire/field.ts';
import { SUITE } from '../wire/message.ts';
import { hash } from '../wire/signed.ts';
import { SALT_BYTES } from './hardening.ts';
import { checkKdfParameters } from './kdf.ts';
import { KEPT_BYTES } from './kept.ts';
import { checkPolicy } from './policy.ts';
import { WRAPPED_BYTES } from './seal.ts';
import { BOX_BYTES } from './secretbox.ts';
import { checkWayIn, place, slotId } from './slot.ts';

const core = struct({
  suite: u16,
  fleet: id,
  place,
  generation: u32,
  tombstone: flag,
  unlockKey: point,
  ownerKey: bytes(33),
  policy: struct({ guesses: u32, coolingOffSeconds: u32, graceSeconds: u32 }),
  kdf: struct({ kind: choice('none', 'argon2id'), memoryKiB: u32, passes: u32, parallelism: u8, salt: bytes(32) }),
  publicShares: list(point),
  secret: bytes(128),
  kept: bytes(128),
  credential: bytes(1024),
});

export type Core = ReturnType<(typeof core)['read']>;

/** 33-byte ephemeral key and 152-byte AES-KWP blob; or only the hash of the two, once dropped. */
export type Share = { readonly ephemeralKey: Uint8Array; readonly wrapped: Uint8Array } | { readonly hash: Id };

export interface Registration {
  readonly core: Core;
  readonly shares: readonly Share[];
  readonly slot: Id;
  readonly generation: number;
  readonly digest: Id;
  /** Everything, as it is sent and stored. */
  readonly bytes: Uint8Array;
}

const tag = (name: string) => concatBytes(Uint8Array.of(name.length), utf8(name));
const CORE = tag('holdfast/v2/registration');
const DIGEST = tag('holdfast/v1/registration-digest');
const CONTEXT = tag('holdfast/v1/share');

const shareHash = (share: Share): Id => ('hash' in share ? share.hash : hash(concatBytes(share.ephemeralKey, share.wrapped)));

const share: Field<Share> = {
  form: '1 | 33 | 152, or 0 | 32',
  write: (value) =>
    'hash' in value
      ? concatBytes(flag.write(false), id.write(value.hash))
      : concatBytes(flag.write(true), value.ephemeralKey, value.wrapped),
  read: (from) => (flag.read(from) ? { ephemeralKey: point.read(from), wrapped: from.take(WRAPPED_BYTES) } : { hash: id.read(from) }),
};

const context = struct({ suite: u16, fleet: id, node: id, sealingKey: point, ephemeralKey: point, slot: id, generation: u32, core: id });

export function encodeCore(value: Omit<Core, 'suite'>): Uint8Array {
  return concatBytes(CORE, core.write({ ...value, suite: SUITE }));
}

/** The 32 bytes that bind a sealed share to its node and to the whole core. */
export function shareContext(fleet: Fleet, node: FleetNode, ephemeralKey: Uint8Array, coreBytes: Uint8Array): Uint8Array {
  const { place: at, generation } = decodeCore(coreBytes);
  const body = context.write({
    suite: SUITE,
    fleet: fleet.id,
    node: node.id,
    sealingKey: node.sealingKey,
    ephemeralKey,
    slot: slotId(at),
    generation,
    core: hash(coreBytes),
  });
  return idToBytes(hash(concatBytes(CONTEXT, body)));
}

function decodeCore(coreBytes: Uint8Array): Core {
  const from = new Reader(coreBytes);
  const head = from.take(CORE.length);
  if (!CORE.every((byte, i) => byte === head[i])) fail('malformed', 'expected a registration');
  const value = core.read(from);
  from.end();
  return value;
}

export function encodeRegistration(coreBytes: Uint8Array, shares: readonly Share[]): Uint8Array {
  return concatBytes(u16.write(coreBytes.length), coreBytes, ...shares.map((value) => share.write(value)));
}

/**
 * @throws `malformed`, `too-large`, `wrong-fleet`; a registration that parses is well-formed in every field but for the
 * curve points and the sealed shares, which the token checks.
 */
export function parseRegistration(encoded: Uint8Array, fleet: Fleet): Registration {
  const from = new Reader(encoded);
  const coreBytes = from.take(u16.read(from));
  const value = decodeCore(coreBytes);
  if (value.suite !== SUITE) fail('malformed', `expected suite ${SUITE}`, { got: value.suite });
  if (value.fleet !== fleet.id) fail('wrong-fleet', 'this registration is for another fleet');
  if (value.generation === 0) fail('malformed', 'generations start at 1');
  const expected = value.tombstone ? 0 : fleet.nodes.length;
  if (value.publicShares.length !== expected) fail('malformed', `expected ${expected} public shares`, { got: value.publicShares.length });
  checkWayIn(value.place.way);
  checkPolicy(value.place.way.kind, value.policy);
  checkContents(value);
  const shares = Array.from({ length: expected }, () => share.read(from));
  from.end();
  const digest = hash(concatBytes(DIGEST, id.write(hash(coreBytes)), ...shares.map((s) => id.write(shareHash(s)))));
  return { core: value, shares, slot: slotId(value.place), generation: value.generation, digest, bytes: encoded };
}

function checkContents({ tombstone, place: at, kdf, secret, ownerKey, kept, credential }: Core): void {
  if (!isOwnerKey(ownerKey, tombstone)) fail('malformed', 'expected an owner key of 33 bytes, and none in a tombstone');
  if (kept.length !== (tombstone ? 0 : KEPT_BYTES)) fail('malformed', 'what is kept has another length', { got: kept.length });
  if (tombstone && credential.length !== 0 && credential.length !== 32)
    fail('malformed', 'expected a fleet id, or nothing', { got: credential.length });
  if (secret.length !== (tombstone ? 0 : BOX_BYTES)) fail('malformed', 'the encrypted secret has another length', { got: secret.length });
  if (tombstone) return;
  checkKdfParameters(kdf);
  if (kdf.salt.length !== SALT_BYTES) fail('malformed', `expected a salt of ${SALT_BYTES} bytes`, { got: kdf.salt.length });
  if (at.way.kind === 'passcode' && kdf.kind === 'none') fail('malformed', 'a passcode needs a hardening function');
}

function isOwnerKey(bytes: Uint8Array, tombstone: boolean): boolean {
  return tombstone ? bytes.length === 0 : bytes.length === 33 && (bytes[0] === 2 || bytes[0] === 3);
}

/** The core as it was signed and hashed. */
export function coreOf(registration: Registration): Uint8Array {
  const from = new Reader(registration.bytes);
  return from.take(u16.read(from));
}

/** The same registration, same digest, with every share but one (or every one) reduced to its hash. */
export function dropShares(registration: Registration, fleet: Fleet, keep?: number): Registration {
  const shares = registration.shares.map((s, i) => (i === keep ? s : { hash: shareHash(s) }));
  return parseRegistration(encodeRegistration(coreOf(registration), shares), fleet);
}
