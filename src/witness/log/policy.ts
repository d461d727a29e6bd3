/**
 * The admission policy of a log of fleet entries (docs/transparency.md, "The witness's admission policy"): one rule per item, in
 * one table, from which the published page is made too. Pure: what the log holds and what was fetched are brought by log.ts.
 *
 * An item that cannot be asked, because the entry has no form or its evidence was not fetched yet, is `unchecked`: never good
 * news. Every item is told, also after one that failed, so that the operator need not submit ten times to find ten faults.
 */
import type { Judged } from '../../api/log.ts';
import { type Id, toHex } from '../../base/bytes.ts';
import { type Evidence, HoldfastError } from '../../base/errors.ts';
import type { EntryFleet, EntryNode, FleetEntry } from '../../fleet/entry.ts';
import {
  checkAbsent,
  checkContinuity,
  checkKeys,
  checkPresent,
  checkPrevious,
  checkSequence,
  checkSpread,
  checkValidity,
  type Ruling,
} from '../../trust/continuity.ts';
import type { Root } from '../../trust/root.ts';
import { isSignedByNode, parseSignedEntry, releaseSigners, type SignedEntry, signingFleets } from '../../trust/signed-entry.ts';
import type { Verify } from '../../wire/signed.ts';
import { type AttestationRoots, whyNotAttested } from './attestation.ts';
import { type Fetched, filesOf, saysKey } from './evidence.ts';

export interface Facts {
  readonly nowMs: number;
  /** All entries of the log, in their order. */
  readonly admitted: readonly FleetEntry[];
  /** The newest that this witness has. */
  readonly root: Root;
  readonly verify: Verify;
  /** Of code that this witness knows; without it any is admitted. */
  readonly measurements: ReadonlySet<string> | undefined;
  /** Of makers who attest with X.509. */
  readonly attestationRoots: AttestationRoots;
  /** By URL; nothing before it was fetched. */
  readonly fetched: ReadonlyMap<string, Fetched> | undefined;
}

interface Item {
  readonly item: string;
  /** What must hold, as published. */
  readonly words: string;
  readonly needsFetched?: true;
  readonly check: (signed: SignedEntry, facts: Facts) => Ruling;
}

const found = (words: string, evidence: Evidence = {}): Ruling => ({ words, evidence });

const items: readonly Item[] = [
  {
    item: 'form',
    words: 'The entry is a signed note of one line in its one spelling, and every id in it is that of its keys.',
    check: () => undefined,
  },
  {
    item: 'namespace',
    words: 'Its namespace is exactly that of the roots.',
    check: ({ entry }, { root }) =>
      entry.namespace === root.namespace
        ? undefined
        : found('the namespace is another', { got: entry.namespace, expected: root.namespace }),
  },
  {
    item: 'release',
    words: 'As many release keys of the roots signed it as the roots say.',
    check: (signed, { root: { release } }) => {
      const signers = releaseSigners(signed, release.keys).map(({ name }) => name);
      return signers.length >= release.threshold
        ? undefined
        : found('too few release keys signed', { got: signers.length, expected: release.threshold, signers: signers.join(', ') });
    },
  },
  {
    item: 'sequence',
    words: 'Its sequence is exactly one more than that of the entry before; the first is 1.',
    check: ({ entry }, { admitted }) => checkSequence(entry, admitted.at(-1)),
  },
  {
    item: 'previous',
    words: 'It names the digest of the entry before; the first names none.',
    check: ({ entry }, { admitted }) => checkPrevious(entry, admitted.at(-1)),
  },
  {
    item: 'validity',
    words: 'It is valid now, and for at most 400 days.',
    check: ({ entry }, { nowMs }) => checkValidity(entry, nowMs),
  },
  {
    item: 'keys',
    words:
      'Each identity key and each sealing key stands in one place only, over all entries ever admitted: none comes back in another fleet.',
    check: ({ entry }, { admitted }) => checkKeys(entry, admitted),
  },
  {
    item: 'continuity',
    words:
      'No fleet that is not retired is missing, and what is retired stays retired. A fleet’s quorum and keys cannot change: its id is their hash.',
    check: ({ entry }, { admitted }) => checkContinuity(entry, admitted),
  },
  {
    item: 'nodes',
    words:
      'Every node of every fleet that is not retired signed it with its own identity key. One that it states as absent signed an earlier entry of this log, for a fleet with the very same keys, and is described exactly as in the entry before; of an active fleet at least a quorum of nodes is not absent.',
    check: (signed, { verify, admitted }) =>
      firstOf(nodesOf(signed.entry), ({ fleet, node }) =>
        isSignedByNode(signed, fleet, node, verify) ? undefined : found('a node did not sign', whose(fleet, node)),
      ) ??
      firstOf(signingFleets(signed.entry), checkPresent) ??
      checkAbsent(signed.entry, admitted),
  },
  {
    item: 'evidence',
    words:
      'Each file of evidence and each attestation was fetched by the witness and has the digest that the entry names. Of retired fleets only files that are new.',
    needsFetched: true,
    check: ({ entry }, { fetched, admitted }) =>
      firstOf(filesOf(entry, admitted), ({ url, digest, about }) => {
        const got = fetched?.get(url) ?? { problem: 'it was not fetched' };
        if ('problem' in got) return found('a file of evidence could not be fetched', { about, url, problem: got.problem });
        return got.digest === digest
          ? undefined
          : found('a file of evidence has another digest', { about, url, got: got.digest, expected: digest });
      }),
  },
  {
    item: 'measurements',
    words: 'Each measurement of code that a fleet permits is known to the witness, where it keeps a list.',
    check: ({ entry }, { measurements }) =>
      firstOf(signingFleets(entry), ({ fleet, measurements: permitted }) => {
        const unknown = permitted.find(({ digest }) => measurements !== undefined && !measurements.has(digest));
        return unknown && found('a measurement is not known here', { fleet: fleet.id, measurement: unknown.digest });
      }),
  },
  {
    item: 'spread',
    words: 'In no fleet that is not retired does one region or one operator have t or more nodes.',
    check: ({ entry }) => firstOf(signingFleets(entry), checkSpread),
  },
  {
    item: 'attestation',
    words:
      'Each sealing key in a token that is not simulated has an attestation, and the file says that key. Where the witness names roots of a maker for its format, a chain of X.509 certificates leads from one of them to the key. Of other formats the maker’s signature is not verified: who audits checks it by hand.',
    needsFetched: true,
    check: ({ entry }, { fetched, attestationRoots, nowMs }) =>
      firstOf(nodesOf(entry), ({ fleet, node }) => {
        const { attestation, token, sealingKey } = node;
        if (attestation === undefined) return token.simulated ? undefined : found('a sealing key has no attestation', whose(fleet, node));
        const got = fetched?.get(attestation.url);
        const bytes = got !== undefined && 'bytes' in got ? got.bytes : undefined;
        if (bytes === undefined || !saysKey(bytes, sealingKey))
          return found('an attestation does not say the sealing key that it is for', { ...whose(fleet, node), key: toHex(sealingKey) });
        const roots = attestationRoots.get(attestation.format);
        const why = roots && whyNotAttested(bytes, sealingKey, roots, nowMs);
        return why === undefined ? undefined : found(`an attestation does not verify: ${why}`, whose(fleet, node));
      }),
  },
];

/** What is published at /policy. */
export const publishedItems: readonly { readonly item: string; readonly words: string }[] = items.map(({ item, words }) => ({
  item,
  words,
}));

export interface Judgement {
  readonly items: readonly Judged[];
  /** Only of an entry that has its form. */
  readonly signed?: SignedEntry;
}

/** @param text the signed entry, from anyone */
export function judge(text: string, facts: Facts): Judgement {
  const signed = ruled(() => parseSignedEntry(text));
  const judged = items.map((one): Judged => {
    const { item, words, needsFetched } = one;
    if ('wrong' in signed) return item === 'form' ? failed(item, signed.wrong) : { item, words, result: 'unchecked', evidence: {} };
    if (needsFetched && facts.fetched === undefined) return { item, words, result: 'unchecked', evidence: {} };
    const ruling = ruled(() => one.check(signed.value, facts));
    const wrong = 'wrong' in ruling ? ruling.wrong : ruling.value;
    return wrong === undefined ? { item, words, result: 'passed', evidence: {} } : failed(item, wrong);
  });
  return { items: judged, ...('value' in signed && { signed: signed.value }) };
}

export function firstFailed({ items: judged }: Judgement): Judged | undefined {
  return judged.find(({ result }) => result === 'failed');
}

export function isAdmitted({ items: judged, signed }: Judgement): boolean {
  return signed !== undefined && judged.every(({ result }) => result === 'passed');
}

const failed = (item: string, { words, evidence }: NonNullable<Ruling>): Judged => ({ item, result: 'failed', words, evidence });

/** What outside data is refused with is a ruling; anything else is a bug of ours and must not read as one. */
function ruled<T>(run: () => T): { readonly value: T } | { readonly wrong: NonNullable<Ruling> } {
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { wrong: { words: error.message, evidence: error.evidence } };
  }
}

function firstOf<T>(all: Iterable<T>, rule: (one: T) => Ruling): Ruling {
  for (const one of all) {
    const ruling = rule(one);
    if (ruling !== undefined) return ruling;
  }
  return undefined;
}

function nodesOf(entry: FleetEntry): { readonly fleet: EntryFleet; readonly node: EntryNode }[] {
  return signingFleets(entry).flatMap((fleet) => fleet.nodes.map((node) => ({ fleet, node })));
}

function whose({ fleet }: EntryFleet, { name, id }: EntryNode): { fleet: Id; node: string; id: Id } {
  return { fleet: fleet.id, node: name, id };
}
