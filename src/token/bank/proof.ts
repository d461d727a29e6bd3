/**
 * From whatever objects are found in a token to a counter bank of which nothing is missing, or a refusal that names what
 * is. Pure; the laws are in test/token/bank/proof.test.ts.
 *
 * What it stands on: every acknowledged commit was one whole journal object (src/token/bank/bank.ts); the journal is a
 * chain that starts at the root's anchor; a root is written after the pages that it names, and an old page, root or
 * journal object is destroyed only after the root that replaces it is whole. So after a crash the newest whole root has all
 * its pages, and everything after its anchor hangs together. A gap is not a crash: it is a refusal (`token-unsuitable`).
 *
 * A torn journal object at the very end is dropped: it was never acknowledged. On a token whose host never syncs (SoftHSM)
 * a power cut can tear an acknowledged one too; such a token is of class `host`, and what that class means is said in
 * docs/design.md: the node is quarantined after each start until the others know no higher sequence of it.
 */
import { equalBytes, toHex } from '../../base/bytes.ts';
import { type Evidence, fail } from '../../base/errors.ts';
import { decrease } from './entry.ts';
import { commitsOf, covers, type Link, linkOf, startOf } from './journal.ts';
import { DIGEST_ENTRY_BYTES, type Page, type Root, type Whole } from './objects.ts';
import { Pages } from './pages.ts';

export interface Proven {
  readonly bank: Uint8Array;
  readonly root: Root;
  readonly rootSeal: Uint8Array;
  /** The pages with the whole journal applied. */
  readonly pages: Pages;
  /** Journal objects and digests after the anchor, in order. */
  readonly chain: readonly Link[];
  readonly sequence: bigint;
  /** What the next journal object names as its `previous`. */
  readonly tailSeal: Uint8Array;
  readonly quarantined: boolean;
  /** Found at the first start since the others last vouched, or `ALL_VOUCHED`. */
  readonly vouched: bigint;
  /** Hex seals of all objects in use: whole ones that are not among them are left over and may be destroyed. */
  readonly used: ReadonlySet<string>;
}

const refuse = (what: string, evidence?: Evidence): never =>
  fail('token-unsuitable', `the counters in the token are not proven: ${what}`, evidence);

/** @throws `token-unsuitable` naming what is missing or there twice. */
export function prove(objects: readonly Whole[]): Proven {
  const [first] = objects;
  if (first === undefined) return refuse('there are none');
  if (objects.some((object) => !equalBytes(object.bank, first.bank))) refuse('two counter banks are in one token');
  const { body: root, seal: rootSeal } = newestRoot(objects);
  const chain = journalAfter(root, objects);
  const tail = chain.at(-1);
  const sequence = tail?.last ?? root.anchor;
  if (sequence < root.sequence) refuse('the end of the journal is missing', { found: `${sequence}`, expected: `${root.sequence}` });
  const named = root.pages.map(({ seal }, index) => namedPage(objects, seal, index, root.pages.length));
  const pages = new Pages(named, root.pageBytes);
  for (const link of chain) apply(pages, root, link);
  return {
    bank: first.bank,
    root,
    rootSeal,
    pages,
    chain,
    sequence,
    tailSeal: tail?.end ?? root.anchorSeal,
    vouched: tail?.vouched ?? root.vouched,
    quarantined: root.quarantine || chain.some(({ quarantine }) => quarantine),
    used: new Set([rootSeal, ...root.pages.map(({ seal }) => seal), ...chain.map(({ seal }) => seal)].map(toHex)),
  };
}

function newestRoot(objects: readonly Whole[]): { body: Root; seal: Uint8Array } {
  const roots = objects.filter((object) => object.kind === 'root').toSorted((a, b) => (a.body.version < b.body.version ? 1 : -1));
  const [newest, second] = roots;
  if (newest === undefined) return refuse('there is no whole root object');
  if (second !== undefined && second.body.version === newest.body.version)
    refuse('there are two roots', { version: `${newest.body.version}` });
  if (newest.body.pages.length === 0) refuse('the root names no page');
  return newest;
}

/** The pages cover the hash space exactly once: the root names one per index, each says so itself. */
function namedPage(objects: readonly Whole[], seal: Uint8Array, index: number, pages: number): Page {
  const page = objects.find((object) => object.kind === 'page' && equalBytes(object.seal, seal));
  if (page?.kind !== 'page') return refuse('a page is missing', { index, pages });
  if (page.body.index !== index || page.body.pages !== pages) refuse('a page stands in the wrong place', { index, found: page.body.index });
  return page.body;
}

function journalAfter(root: Root, objects: readonly Whole[]): Link[] {
  const later = objects
    .flatMap((object) => (object.kind === 'journal' || object.kind === 'digest' ? linkOf(object) : []))
    .filter(({ last }) => last > root.anchor);
  const chain: Link[] = [];
  const dropped = new Set<Link>();
  let at = { last: root.anchor, end: root.anchorSeal };
  for (;;) {
    const [next, ...others] = later.filter(({ previous }) => equalBytes(previous, at.end)).toSorted(laterStartThenLonger);
    if (next === undefined) break;
    // A process that lost the token to a second one may have written once more. It saw that before it acknowledged, so
    // the branch of the lower start holds nothing that anyone was told.
    for (const other of others) {
      if (startOf(other.first) >= startOf(next.first) && !covers(next, other)) refuse('the journal forks', { sequence: `${next.first}` });
      dropped.add(other);
    }
    checkStep(at.last, next);
    chain.push(next);
    at = next;
  }
  // A crash between a digest and the last of what it took in leaves both.
  const inside = (link: Link) => chain.some((digest) => covers(digest, link));
  const loose = later.find((link) => !chain.includes(link) && !dropped.has(link) && !inside(link));
  if (loose !== undefined) refuse('the journal has a gap', { before: `${loose.first}`, after: `${at.last}` });
  return chain;
}

function laterStartThenLonger(a: Link, b: Link): number {
  if (startOf(a.first) !== startOf(b.first)) return startOf(a.first) < startOf(b.first) ? 1 : -1;
  return a.last < b.last ? 1 : -1;
}

function checkStep(last: bigint, { kind, first, last: end, entries }: Link): void {
  const count = BigInt(entries.length / DIGEST_ENTRY_BYTES);
  const newStart = startOf(first) > startOf(last) && (kind === 'digest' || count === 0n);
  if (!newStart && first !== last + 1n) refuse('the journal has a gap', { before: `${first}`, after: `${last}` });
  const right = kind === 'digest' ? end >= first && startOf(end) === startOf(first) : end === first + (count === 0n ? 0n : count - 1n);
  if (!right) refuse('a journal object miscounts its commits', { first: `${first}` });
}

/** The newest commit wins as a whole: what a page already holds is skipped by sequence, what it lacks may only go forward. */
function apply(pages: Pages, root: Root, link: Link): void {
  for (const { sequence, key, counters } of commitsOf(link)) {
    const index = pages.indexOf(key);
    if (sequence <= (root.pages[index]?.through ?? 0n)) continue;
    const backwards = decrease(pages.read(key), counters);
    if (backwards !== undefined) refuse('a counter in the journal goes backwards', { name: backwards, sequence: `${sequence}` });
    pages.write(key, counters, sequence);
  }
}
