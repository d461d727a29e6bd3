/**
 * The counter bank of a token at work: proven at start, then one writer (src/token/worker.ts) that turns batches of commits
 * into journal objects, and keeps them few when it has nothing better to do.
 *
 * The order of token calls is what survives a crash between any two of them:
 *   start    new owner, destroy other owners; read and prove everything; sweep; first journal object of the new start
 *   commit   journal object; owner still there?; only then is anyone told
 *   gather   digest of a run of journal objects; owner still there?; later, destroy the run
 *   fold     one page; root that names it; owner still there?; destroy old root and page; later, what no page needs any more
 *
 * One owner per token: a second process that opens the bank replaces the owner object, and the first, which looks after every
 * commit and before anyone is told, finds its own gone and refuses for good (`alarm`). PKCS#11 has no locks; this is what
 * can be had.
 */
import { randomBytes } from 'node:crypto';
import { concatBytes, type Id, toHex } from '../../base/bytes.ts';
import { alarm, assert, fail, HoldfastError } from '../../base/errors.ts';
import { Recent } from '../../base/recent.ts';
import type { Counters } from '../../quorum/counters.ts';
import { DeviceError, type Handle, P11 } from '../pkcs11.ts';
import { decrease, encodeCounters } from './entry.ts';
import { digestOf, type Link, longestRun, numbered, startOf } from './journal.ts';
import { ALL_VOUCHED, type Body, DIGEST_ENTRY_BYTES, PAGE_OVERHEAD_BYTES, type Root } from './objects.ts';
import type { Pages } from './pages.ts';
import { type Proven, prove } from './proof.ts';
import { type Shelf, slotKey } from './shelf.ts';

/** SoftHSM's destroy is linear in the number of objects; this many stay cheap. Keys and versions in passing included. */
export const OBJECTS_MAX = 140;
const OTHER_OBJECTS = 12;
const DESTROYED_PER_STEP = 4;
/** Of slots at work lately: each is a MAC by the token, asked for several times in a conversation. */
const KEYS_KEPT = 16_384;
/** Runs of fewer than this part of the journal's objects are not gathered. */
const RUNS_MOST = 8;
/** As many commits as one journal object takes. */
export const COMMITS_MAX = 256;

/** What the other side of the queue knows of the bank after each call. */
export interface BankState {
  readonly sequence: bigint;
  readonly foundSequence: bigint;
  /** What was found at the first start since the other members last vouched for this token; `foundSequence` if they did since. */
  readonly vouchedSequence: bigint;
  readonly quarantined: boolean;
  readonly hasRoom: boolean;
  /** How many slots are counted. */
  readonly slots: number;
  /** Objects that a crash had torn, found and swept at start. */
  readonly tornFound: number;
}

export interface BankOptions {
  /** The last sequence that this process knows to be durable, when the token comes back after it went away. */
  readonly knownSequence?: bigint;
  /** How many objects the token may come to hold. */
  readonly objectsMax?: number;
  /** Slots in one digest; by default as many as a page has room for. */
  readonly digestMax?: number;
}

/** A link of the journal, and where it is. */
type Kept = Link & { readonly handle: Handle };

/** A commit that waits for its batch. */
interface Staged {
  readonly key: Uint8Array;
  readonly counters: Counters;
  readonly sequence: bigint;
}

/** Reads and proves without taking ownership or changing anything. @throws `token-unsuitable` naming what is missing. */
export function inspectBank(shelf: Shelf): Proven {
  return prove(shelf.findAll().flatMap(({ whole }) => whole ?? []));
}

export class Bank {
  readonly #shelf: Shelf;
  readonly #bank: Uint8Array;
  readonly #owner: Handle;
  readonly #pages: Pages;
  readonly #pageHandles: Handle[];
  readonly #foundSequence: bigint;
  readonly #vouchedSequence: bigint;
  readonly #tornFound: number;
  readonly #journalMax: number;
  readonly #keys = new Recent<Id, Uint8Array>(KEYS_KEPT);
  #root: { handle: Handle; body: Root };
  readonly #digestMax: number;
  #journal: Kept[];
  /** What nothing needs any more, to be destroyed. */
  readonly #spent: Handle[] = [];
  #tailSeal: Uint8Array;
  #sequence: bigint;
  #quarantined: boolean;
  #vouched: bigint;
  /** Set before a write, cleared after: while set, what the token holds is not known, and only a new proof can tell. */
  #unsure = false;

  /**
   * @throws `token-unsuitable` when the proof fails; `alarm` when the token holds less than is known.
   */
  constructor(shelf: Shelf, { knownSequence = 0n, objectsMax = OBJECTS_MAX, digestMax }: BankOptions = {}) {
    this.#shelf = shelf;
    this.#owner = takeOwnership(shelf);
    const found = shelf.findAll();
    const proven = prove(found.flatMap(({ whole }) => whole ?? []));
    if (proven.sequence < knownSequence) {
      alarm('the token holds older counters than this process has seen', { found: `${proven.sequence}`, known: `${knownSequence}` });
    }
    const handles = new Map(found.flatMap(({ handle, whole }) => (whole === undefined ? [] : [[toHex(whole.seal), handle] as const])));
    const handleOf = (seal: Uint8Array): Handle => {
      const handle = handles.get(toHex(seal));
      assert(handle !== undefined, 'what is proven was found');
      return handle;
    };
    this.#bank = proven.bank;
    this.#pages = proven.pages;
    this.#root = { handle: handleOf(proven.rootSeal), body: proven.root };
    this.#pageHandles = proven.root.pages.map(({ seal }) => handleOf(seal));
    this.#journal = proven.chain.map((link) => ({ ...link, handle: handleOf(link.seal) }));
    this.#tailSeal = proven.tailSeal;
    this.#sequence = proven.sequence;
    this.#foundSequence = proven.sequence;
    this.#vouchedSequence = proven.vouched === ALL_VOUCHED ? proven.sequence : proven.vouched;
    // Written with the start, in one object: a second start must not take the first for what was vouched for. A process that
    // opens the token again knows for itself that nothing is missing.
    this.#vouched = knownSequence > 0n ? proven.vouched : this.#vouchedSequence;
    this.#quarantined = proven.quarantined;
    this.#digestMax = digestMax ?? Math.floor((proven.root.pageBytes - PAGE_OVERHEAD_BYTES) / DIGEST_ENTRY_BYTES);
    this.#journalMax = objectsMax - OTHER_OBJECTS - proven.root.pages.length;
    this.#tornFound = found.filter(({ whole }) => whole === undefined).length;
    for (const { handle, whole } of found) {
      if (whole === undefined || (whole.kind !== 'owner' && !proven.used.has(toHex(whole.seal)))) sweep(shelf, handle);
    }
    this.restart(0n);
  }

  /** Begins a start later than all in the token, and than that of this sequence. Durable. */
  restart(above: bigint): void {
    this.#checkSure();
    const latest = startOf(above) > startOf(this.#sequence) ? startOf(above) : startOf(this.#sequence);
    // A token put back starts with a start number that it had before; the random part tells the two starts apart (rejoin.ts).
    const start = ((latest + 1n) << 32n) | BigInt(randomBytes(4).readUInt32BE() >>> 1);
    this.#append({ first: start, last: start, quarantine: false, entries: new Uint8Array() });
  }

  get state(): BankState {
    return {
      sequence: this.#sequence,
      foundSequence: this.#foundSequence,
      vouchedSequence: this.#vouchedSequence,
      quarantined: this.#quarantined,
      hasRoom: this.#pages.hasRoom,
      slots: this.#pages.slots,
      tornFound: this.#tornFound,
    };
  }

  read(slot: Id): Counters {
    this.#checkSure();
    return this.#pages.read(this.#keyOf(slot));
  }

  /**
   * Makes all of them durable in one token write; those that are refused do not hinder the others.
   * @returns per commit its sequence, or the error: `alarm` for a decrease, `token-full`, `malformed`.
   */
  commit(commits: readonly { readonly slot: Id; readonly counters: Counters }[]): (bigint | HoldfastError)[] {
    this.#checkSure();
    const staged = new Map<string, Staged>();
    const log: Staged[] = [];
    const fresh = new Map<number, number>();
    const results = commits.map(({ slot, counters }) => {
      try {
        const key = this.#keyOf(slot);
        const name = toHex(key);
        encodeCounters(counters);
        const backwards = decrease(staged.get(name)?.counters ?? this.#pages.read(key), counters);
        if (backwards !== undefined) alarm('a counter must never go back', { counter: backwards });
        if (!staged.has(name)) this.#reserve(key, fresh);
        const commit = { key, counters, sequence: this.#next(BigInt(log.length)) };
        staged.set(name, commit);
        log.push(commit);
        return commit.sequence;
      } catch (error) {
        if (error instanceof HoldfastError) return error;
        throw error;
      }
    });
    const [first, last] = [log[0], log.at(-1)];
    if (first === undefined || last === undefined) return results;
    const entries = concatBytes(...log.map(({ key, counters }) => concatBytes(key, encodeCounters(counters))));
    this.#append({ first: first.sequence, last: last.sequence, quarantine: false, entries });
    for (const { key, counters, sequence } of log) this.#pages.write(key, counters, sequence);
    return results;
  }

  /** Durable, and for good. */
  quarantine(): void {
    this.#checkSure();
    if (this.#quarantined) return;
    const sequence = this.#next(0n);
    this.#append({ first: sequence, last: sequence, quarantine: true, entries: new Uint8Array() });
    this.#quarantined = true;
  }

  /** The other members know of nothing that this token does not. Durable. */
  vouch(): void {
    this.#checkSure();
    if (this.#vouched === ALL_VOUCHED) return;
    const sequence = this.#next(0n);
    this.#vouched = ALL_VOUCHED;
    this.#append({ first: sequence, last: sequence, quarantine: false, entries: new Uint8Array() });
  }

  /** One step of background work. @returns whether more is due. */
  foldSome(): boolean {
    this.#checkSure();
    const due = () => this.#spent.length > 0 || this.#journal.length * 3 > this.#journalMax;
    if (due()) this.#tidy();
    return due();
  }

  #keyOf(slot: Id): Uint8Array {
    return this.#keys.get(slot, () => slotKey(this.#shelf, this.#bank, slot));
  }

  /** A new slot takes a place in its page; those of the same batch count too. */
  #reserve(key: Uint8Array, fresh: Map<number, number>): void {
    const index = this.#pages.indexOf(key);
    const taken = fresh.get(index) ?? 0;
    if (!this.#pages.fits(key, taken)) fail('token-full', 'the page of this slot is full', { index });
    fresh.set(index, taken + 1);
  }

  #next(ahead: bigint): bigint {
    const next = this.#sequence + 1n + ahead;
    return startOf(next) === startOf(this.#sequence) ? next : alarm('the commit numbers of this start are used up: start again');
  }

  #append(body: Omit<Body<'journal'>, 'previous' | 'vouched'>): void {
    while (this.#journal.length + this.#spent.length >= this.#journalMax) this.#tidy();
    this.#surely(() => {
      const written = { ...body, vouched: this.#vouched, previous: this.#tailSeal };
      const { handle, seal } = this.#shelf.create(this.#bank, 'journal', written);
      this.#checkOwner();
      this.#journal.push({ ...written, kind: 'journal', entries: numbered(body.entries), handle, seal, end: seal });
      this.#tailSeal = seal;
      this.#sequence = body.last;
    });
  }

  /** A step that is short, because a commit may wait for it. */
  #tidy(): void {
    const some = this.#spent.slice(-DESTROYED_PER_STEP);
    if (some.length > 0) {
      this.#surely(() => {
        for (const handle of some) this.#shelf.destroy(handle);
      });
      this.#spent.splice(-some.length);
      return;
    }
    // Never the last: a digest that is lost with the power must leave a gap that is seen, not take a hundred commits with it.
    const run = longestRun(this.#journal.slice(0, -1), this.#digestMax);
    // A digest of a few objects is not worth its own: then there are as many digests as there should be, and pages take them in.
    if (run.length > 1 && run.length * RUNS_MOST >= this.#journalMax) this.#gather(run);
    else this.#fold();
  }

  #gather(run: readonly Kept[]): void {
    this.#surely(() => {
      const body = digestOf(run);
      const { handle, seal } = this.#shelf.create(this.#bank, 'digest', body);
      this.#checkOwner();
      this.#journal.splice(this.#journal.indexOf(run[0] as Kept), run.length, { ...body, kind: 'digest', quarantine: false, handle, seal });
      this.#spent.push(...run.map((link) => link.handle));
    });
  }

  #fold(): void {
    this.#surely(() => {
      const old = this.#root;
      const index = this.#pages.oldestDirty();
      const named = old.body.pages.map(({ seal }) => seal);
      let oldPage: Handle | undefined;
      if (index !== undefined) {
        const page = this.#shelf.create(this.#bank, 'page', this.#pages.next(index));
        this.#pages.written(index);
        named[index] = page.seal;
        oldPage = this.#pageHandles[index];
        this.#pageHandles[index] = page.handle;
      }
      this.#writeRoot(named);
      this.#checkOwner();
      this.#shelf.destroy(old.handle);
      if (oldPage !== undefined) this.#shelf.destroy(oldPage);
      const { anchor } = this.#root.body;
      this.#spent.push(...this.#journal.filter(({ last }) => last <= anchor).map(({ handle }) => handle));
      this.#journal = this.#journal.filter(({ last }) => last > anchor);
    });
  }

  /** Before anyone is told, and before anything is destroyed that whoever took the token may stand on. */
  #checkOwner(): void {
    if (!this.#shelf.exists(this.#owner)) alarm('another process took this token: nothing more is counted here');
  }

  #writeRoot(seals: readonly Uint8Array[]): void {
    const { version, anchor, anchorSeal, pageBytes } = this.#root.body;
    const pages = seals.map((seal, index) => ({ seal, through: this.#pages.through(index, this.#sequence) }));
    const needed = pages.reduce((least, { through }) => (through < least ? through : least), this.#sequence);
    const folded = this.#journal.findLast(({ last }) => last <= needed);
    const body: Root = {
      version: version + 1n,
      sequence: this.#sequence,
      anchor: folded?.last ?? anchor,
      anchorSeal: folded?.end ?? anchorSeal,
      quarantine: this.#quarantined,
      vouched: this.#vouched,
      pageBytes,
      pages,
    };
    this.#root = { handle: this.#shelf.create(this.#bank, 'root', body).handle, body };
  }

  #surely(write: () => void): void {
    assert(!this.#unsure, 'the bank is sure of what the token holds');
    this.#unsure = true;
    write();
    this.#unsure = false;
  }

  #checkSure(): void {
    if (this.#unsure) fail('token-unavailable', 'a write to the token was interrupted: the counters must be proven again');
  }
}

/** What a crash tore, SoftHSM may show and then not know. */
function sweep(shelf: Shelf, handle: Handle): void {
  try {
    shelf.destroy(handle);
  } catch (error) {
    if (!(error instanceof DeviceError && error.returned === P11.CKR_OBJECT_HANDLE_INVALID)) throw error;
  }
}

function takeOwnership(shelf: Shelf): Handle {
  const bank = shelf.findAll('root').find(({ whole }) => whole !== undefined)?.whole?.bank;
  if (bank === undefined) return fail('token-unsuitable', 'the counters in the token are not proven: there is no whole root object');
  const others = shelf.findAll('owner');
  const { handle } = shelf.create(bank, 'owner', { nonce: randomBytes(16) });
  for (const other of others) shelf.destroy(other.handle);
  return handle;
}
