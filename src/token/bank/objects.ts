/**
 * The objects of the counter bank: private data objects of the token, all under one label, told apart by their first
 * bytes. None is ever changed; a new version is created before the old one is destroyed. Big-endian.
 *
 *   object  = "HFB1" | u8 kind | 16 bank | body | 32 seal
 *   seal    = HMAC-SHA256(tag secret, "holdfast/v1/token/object" | SHA-256(all before the seal)), computed in the token
 *
 *   1 page    = u16 index | u16 pages | u64 version | u32 count | count x entry
 *   2 journal = 32 previous | u64 first | u64 last | flag quarantine | u64 vouched | u32 count | count x (u32 place | entry)
 *   3 root    = u64 version | u64 sequence | u64 anchor | 32 anchor seal | flag quarantine | u64 vouched | u32 page bytes
 *               | u16 pages | pages x (u64 through | 32 page seal)
 *   4 owner   = 16 nonce
 *   5 digest  = 32 previous | 32 end | u64 first | u64 last | u64 vouched | u32 count | count x (u32 ahead | u32 place | entry)
 *
 * A sequence is u32 start | u32 commit, and each start counts its commits from a random number below 2^31, so that a token
 * that is put back to an earlier state does not say the same sequence twice. A journal object holds the commits
 * `first`..`last`, one entry each, in order; with no entries it takes one sequence, to say that a start began or that the
 * node is quarantined. `previous` is the seal of the journal object before it: the journal is a chain, so nothing can be
 * missing inside it.
 * A digest stands for a run of journal objects (src/token/bank/journal.ts): `previous` is that of its first and `end` the seal of its
 * last, which the next object names; of the commits `first`..`last` it keeps the latest of each slot, `ahead` of `first`.
 * `vouched` is the sequence that was found at the first start since the other members last vouched for this token, or all
 * ones when they have done so since the last start (quorum/member/rollback.ts, rule 1).
 * The root names every page by its seal and says through which sequence the journal is folded into it; `anchor` is the last
 * journal object that no page needs any more, and `sequence` the last commit when the root was written, so that neither a
 * page nor the root can be newer than the journal that is found.
 */
import { createHash } from 'node:crypto';
import { concatBytes, equalBytes, utf8 } from '../../base/bytes.ts';
import { decode, type Field, flag, nonce, struct, u8, u16, u32, u64 } from '../../wire/field.ts';
import { ENTRY_BYTES, JOURNAL_ENTRY_BYTES } from './entry.ts';

export const DIGEST_ENTRY_BYTES = 4 + JOURNAL_ENTRY_BYTES;

const MAGIC = utf8('HFB1');
const HEAD_BYTES = MAGIC.length + 1 + 16;
const SEAL_BYTES = 32;
/** What a page is larger than its entries. */
export const PAGE_OVERHEAD_BYTES = HEAD_BYTES + 16 + SEAL_BYTES;
/** `vouched` when the other members vouched for everything up to now. */
export const ALL_VOUCHED = (1n << 64n) - 1n;
/** `previous` of the first journal object. */
export const NO_SEAL = new Uint8Array(SEAL_BYTES);

const bytes16: Field<Uint8Array> = { form: '16', write: (value) => value, read: (from) => from.take(16) };

/** A count and so many entries of a fixed size, kept as bytes: a page has thousands. */
function entries(size: number): Field<Uint8Array> {
  return {
    form: `u32 count, count x ${size}`,
    write: (value) => concatBytes(u32.write(value.length / size), value),
    read: (from) => from.take(u32.read(from) * size),
  };
}

/** An array with u16 count. */
function array<T>(of: Field<T>): Field<readonly T[]> {
  return {
    form: `u16 count, count x (${of.form})`,
    write: (values) => concatBytes(u16.write(values.length), ...values.map((value) => of.write(value))),
    read: (from) => Array.from({ length: u16.read(from) }, () => of.read(from)),
  };
}

const bodies = {
  page: struct({ index: u16, pages: u16, version: u64, entries: entries(ENTRY_BYTES) }),
  journal: struct({ previous: nonce, first: u64, last: u64, quarantine: flag, vouched: u64, entries: entries(JOURNAL_ENTRY_BYTES) }),
  root: struct({
    version: u64,
    sequence: u64,
    anchor: u64,
    anchorSeal: nonce,
    quarantine: flag,
    vouched: u64,
    pageBytes: u32,
    pages: array(struct({ through: u64, seal: nonce })),
  }),
  owner: struct({ nonce: bytes16 }),
  digest: struct({ previous: nonce, end: nonce, first: u64, last: u64, vouched: u64, entries: entries(DIGEST_ENTRY_BYTES) }),
};

export type Kind = keyof typeof bodies;
export type Body<K extends Kind> = ReturnType<(typeof bodies)[K]['read']>;
export type Page = Body<'page'>;
export type Root = Body<'root'>;

const KINDS: readonly Kind[] = ['page', 'journal', 'root', 'owner', 'digest'];

/** An object that is whole: its seal was checked. */
export type Whole = {
  readonly [K in Kind]: { readonly kind: K; readonly bank: Uint8Array; readonly body: Body<K>; readonly seal: Uint8Array };
}[Kind];

/** HMAC-SHA256 under the tag secret, in the token. */
export type Mac = (message: Uint8Array) => Uint8Array;

export function encodeObject<K extends Kind>(mac: Mac, bank: Uint8Array, kind: K, body: Body<K>): { value: Uint8Array; seal: Uint8Array } {
  const field = bodies[kind] as unknown as Field<Body<K>>;
  const sealed = concatBytes(MAGIC, u8.write(KINDS.indexOf(kind) + 1), bank, field.write(body));
  const seal = sealOf(mac, sealed);
  return { value: concatBytes(sealed, seal), seal };
}

/** The object, or nothing: torn by a crash, or not made under this tag secret. */
export function decodeObject(mac: Mac, value: Uint8Array): Whole | undefined {
  const sealed = value.subarray(0, Math.max(0, value.length - SEAL_BYTES));
  const seal = value.subarray(sealed.length);
  const kind = KINDS[(sealed[MAGIC.length] ?? 0) - 1];
  if (kind === undefined || sealed.length < HEAD_BYTES || !equalBytes(sealed.subarray(0, MAGIC.length), MAGIC)) return undefined;
  if (!equalBytes(seal, sealOf(mac, sealed))) return undefined;
  const body = decode(bodies[kind] as Field<unknown>, sealed.subarray(HEAD_BYTES));
  return { kind, bank: sealed.subarray(MAGIC.length + 1, HEAD_BYTES), body, seal } as Whole;
}

function sealOf(mac: Mac, sealed: Uint8Array): Uint8Array {
  return mac(concatBytes(utf8('holdfast/v1/token/object'), createHash('sha256').update(sealed).digest()));
}
