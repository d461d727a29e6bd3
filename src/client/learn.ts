/**
 * Fleet keys over the air (docs/transparency.md): a client that pins nothing but a root asks the nodes that it was given for
 * their bundle, believes none of them, verifies what comes back, and goes on with the newest that verifies. What it saw is kept
 * before a key is used. Called by whoever makes a `VaultClient`; the pinned mode is `parseEntry`.
 *
 * Without any node's answer the last bundle that verified is verified again, so that a recovery does not depend on anything but
 * the nodes that hold the key.
 */
import { fail } from '../base/errors.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import type { Check } from '../trust/check.ts';
import { isNewer } from '../trust/newer.ts';
import { type Policy, requireTrusted, type Trusted, type Verdict, type VerifyOptions } from '../trust/verify.ts';
import { verifyP256 } from '../vault/unlock.ts';
import type { Verify } from '../wire/signed.ts';
import { fetchBundles } from './bundles.ts';
import {
  type Believed,
  type Candidate,
  isBelieved,
  type Judged,
  judge,
  type LearnPurpose,
  newestOf,
  notCurrent,
  readUnverified,
  type Shown,
  type Split,
  splitIn,
} from './candidates.ts';
import type { Fetch } from './fleet-http.ts';
import type { KnownStore } from './known.ts';

export interface LearnOptions {
  /** The text of the root.json that the client pins: its one trust anchor. */
  readonly root: string;
  /** Addresses of nodes, as far as the client has heard of any. */
  readonly urls: readonly string[];
  readonly policy: Policy;
  readonly known: KnownStore;
  readonly purpose: LearnPurpose;
  /** Told of every bundle that does not verify, now and during later calls: nothing is passed over in silence. */
  readonly report?: (refused: RefusedBundle) => void;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
  readonly verify?: Verify;
  readonly callLimitMs?: number;
}

export interface RefusedBundle {
  readonly from: string;
  /** One plain sentence. */
  readonly why: string;
  readonly verdict: Verdict;
}

function refused({ from, verdict }: Judged | Believed): RefusedBundle {
  const failed = verdict.checks.find(({ result }) => result === 'failed');
  return { from, why: failed?.words ?? 'It shows another past of the log than another bundle that verifies: keep both.', verdict };
}

const ANY: LearnPurpose = { kind: 'recover', fleet: 'active' };
/** A bundle is a file that a node has at hand; the last one is kept for when none gives it. */
const CALL_LIMIT_MS = 5_000;
/** What one node may have verified in one session: verifying takes a tenth of a second in a browser. */
const HEARD_MAX = 8;

/**
 * @throws `untrusted-bundle` naming the check that failed, or two nodes whose bundles show a split log; `no-quorum` when no node
 *   answers and nothing is known from before
 */
export async function learnFleet(options: LearnOptions): Promise<LearnedFleet> {
  const { urls, known, purpose, report, fetch: ask = (url, init) => fetch(url, init), callLimitMs = CALL_LIMIT_MS } = options;
  const before = await known.load();
  const fetched = await fetchBundles(
    [...new Set([...urls.map(plain), ...(before === undefined ? [] : addressesIn(before.bundle))])],
    ask,
    callLimitMs,
  );
  const candidates = different([
    ...fetched.flatMap((one) => ('text' in one ? [{ from: one.url, text: one.text }] : [])),
    ...(before === undefined ? [] : [{ from: 'what this client kept', text: before.bundle }]),
  ]);
  if (candidates.length === 0) {
    const causes = fetched.flatMap((one) => ('why' in one ? [`${one.url}: ${one.why}`] : []));
    return fail('no-quorum', `no node gave a fleet bundle (${causes.join('; ')})`, { nodes: urls.length });
  }
  const judged = candidates.map((candidate) => judge(candidate, verifyOptions(options, before?.seen), purpose));
  const believed = judged.filter(isBelieved);
  // What this client refuses may still be proof against the log: here counts only that all signed it.
  const signed = (one: Judged | Believed) => (isBelieved(one) ? one : judge(one, verifyOptions(options, undefined), ANY));
  const shown: Shown[] = judged.map(signed).filter(isBelieved);
  if (before !== undefined) shown.push({ from: 'what this client saw before', view: before.seen });
  const split = splitIn(shown);
  if (split !== undefined && purpose.kind === 'register') refuseSplit(split);
  for (const one of judged) if (!one.verdict.trusted) report?.(refused(one));
  const best = newestOf(believed) ?? requireAny(judged);
  await known.save({ seen: best.trusted.seenAfter, bundle: best.trusted.bundle.line });
  return new LearnedFleet(options, best, split);
}

const plain = (url: string): string => url.replace(/\/$/, '');

/** Fleets come and go: the nodes that a client was given first may be long gone. Addresses only: what they say is verified. */
function addressesIn(bundle: string): readonly string[] {
  const { entry } = readUnverified(bundle);
  const fleets = entry?.fleets.filter(({ state }) => state !== 'retired') ?? [];
  return fleets.flatMap(({ nodes }) => nodes.map(({ url }) => plain(url)));
}

/** Nodes mostly serve the same: it is verified once. */
function different(candidates: readonly Candidate[]): readonly Candidate[] {
  return [...new Map(candidates.toReversed().map((one) => [one.text, one])).values()].reverse();
}

function verifyOptions({ root, policy, clock = systemClock, verify = verifyP256 }: LearnOptions, seen: VerifyOptions['seen']) {
  return { roots: root, policy, nowMs: clock(), seen, verify };
}

/** None verifies: that which came furthest says why. */
function requireAny(judged: readonly Judged[]): never {
  const passed = ({ verdict }: Judged) => verdict.checks.filter(({ result }) => result === 'passed').length;
  const [best] = [...judged].sort((a, b) => passed(b) - passed(a));
  if (best !== undefined) requireTrusted(best.verdict);
  return fail('alarm', 'a bundle was refused without a check that failed');
}

function refuseSplit([one, other]: Split): never {
  return fail('untrusted-bundle', 'two different pasts of one log are shown, both signed by all: keep both bundles, they are the proof', {
    one: one.from,
    other: other.from,
    sequence: one.view.sequence,
    size: one.view.size,
  });
}

/** A bundle that verified, for as long as a session lasts. */
export class LearnedFleet {
  readonly trusted: Trusted;
  readonly verdict: Verdict;
  /** The log was seen to be split: recovering goes on, since the backup names the fleet's very keys; registering does not. */
  readonly split: Split | undefined;
  readonly #options: LearnOptions;
  readonly #heard = new Set<string>();
  #newest: Believed;

  constructor(options: LearnOptions, best: Believed, split: Split | undefined) {
    this.trusted = best.trusted;
    this.verdict = best.verdict;
    this.split = split;
    this.#options = options;
    this.#newest = best;
  }

  /** Why a key recovered over this bundle must encrypt nothing new; empty when it may. */
  get stale(): readonly Check[] {
    return notCurrent(this.verdict);
  }

  /** For registering, whatever it was learnt for. @throws `untrusted-bundle` naming the first check that failed */
  requireRegistering(): Trusted {
    if (this.split !== undefined) refuseSplit(this.split);
    const options = verifyOptions(this.#options, this.trusted.seenAfter);
    return requireTrusted(judge({ from: '', text: this.trusted.bundle.line }, options, { kind: 'register' }).verdict);
  }

  /**
   * A bundle that came in an answer, because the node has another one: a newer one that verifies is kept for the next session, a bad
   * one is reported. This session goes on with the keys that it began with.
   */
  async hear(text: string, from: string): Promise<void> {
    if (this.#heard.has(text) || this.#heard.size >= HEARD_MAX) return;
    this.#heard.add(text);
    const { known, report } = this.#options;
    const { seen } = (await known.load()) ?? { seen: this.trusted.seenAfter };
    const fleet = this.trusted.fleet.fleet.id;
    const judged = judge({ from, text }, verifyOptions(this.#options, seen), { kind: 'recover', fleet });
    if (!isBelieved(judged) || splitIn([this.#newest, judged]) !== undefined) {
      report?.(refused(judged));
    } else if (isNewer(judged.rank, this.#newest.rank) && isForward(judged.verdict)) {
      this.#newest = judged;
      await known.save({ seen: judged.trusted.seenAfter, bundle: judged.trusted.bundle.line });
    }
  }
}

function isForward({ checks }: Verdict): boolean {
  return checks.every(({ name, result }) => (name !== 'sequence' && name !== 'log-forward') || result === 'passed');
}
