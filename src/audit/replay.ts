/**
 * The entries of a log one after the other, as its witness should have admitted them: form, namespace, signatures of release keys
 * and nodes, each linked to the one before, keys in one place for ever, no fleet dropped. What the witness's policy asks beyond this
 * (evidence, attestation, known code) it fetched at the time; the entry names what it fetched.
 *
 * An entry may be signed under any root of the chain, and never under an older one than the entry before it.
 */
import { fromUtf8 } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { FleetEntry } from '../fleet/entry.ts';
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
} from '../trust/continuity.ts';
import type { Root } from '../trust/root.ts';
import { isSignedByNode, parseSignedEntry, releaseSigners, type SignedEntry, signingFleets } from '../trust/signed-entry.ts';
import type { Verify } from '../wire/signed.ts';
import { changesBetween } from './changes.ts';
import { type Finding, finding } from './report.ts';

export class Replay {
  readonly findings: Finding[] = [];
  /** What changed from entry to entry, in words. */
  readonly changes: { readonly sequence: number; readonly changed: readonly string[] }[] = [];
  readonly #roots: readonly Root[];
  readonly #verify: Verify;
  readonly #entries: FleetEntry[] = [];
  #root = 0;

  /** @param roots the whole chain, from the first version that is known */
  constructor(roots: readonly Root[], verify: Verify) {
    this.#roots = roots;
    this.#verify = verify;
  }

  get latest(): FleetEntry | undefined {
    return this.#entries.at(-1);
  }

  /** Every fault of an entry is told; it still counts as the one before the next, or all that follow would be called bad for it. */
  add(index: number, leaf: Uint8Array): void {
    const name = `entry ${index}`;
    const signed = this.#attempt(name, () => parseSignedEntry(fromUtf8(leaf)));
    if (signed === undefined) return;
    const faults = [
      ...this.#rules(signed.entry).flatMap((ruling) => ruling ?? []),
      ...this.#signatures(signed).flatMap((ruling) => ruling ?? []),
    ];
    for (const { words, evidence } of faults) this.findings.push(finding(name, 'bad', `${sentence(words)}`, evidence));
    const { sequence, digest } = signed.entry;
    if (faults.length === 0)
      this.findings.push(
        finding(name, 'good', 'Signed by the operator and the nodes, linked to the one before, and admissible.', { sequence, digest }),
      );
    this.changes.push({ sequence, changed: changesBetween(this.latest, signed.entry) });
    this.#entries.push(signed.entry);
  }

  #rules(entry: FleetEntry): readonly Ruling[] {
    return [
      entry.namespace === this.#newest.namespace
        ? undefined
        : { words: 'the entry is of another namespace', evidence: { got: entry.namespace, expected: this.#newest.namespace } },
      checkSequence(entry, this.latest),
      checkPrevious(entry, this.latest),
      // For how long, whenever that was.
      checkValidity(entry, entry.validFrom),
      checkKeys(entry, this.#entries),
      checkContinuity(entry, this.#entries),
      ...signingFleets(entry).map(checkPresent),
      checkAbsent(entry, this.#entries),
      ...signingFleets(entry).map(checkSpread),
    ];
  }

  #signatures(signed: SignedEntry): readonly Ruling[] {
    return [this.#ruled(() => this.#release(signed)), this.#ruled(() => this.#nodes(signed))];
  }

  #release(signed: SignedEntry): void {
    for (let at = this.#root; at < this.#roots.length; at += 1) {
      const { release } = this.#roots[at] as Root;
      if (releaseSigners(signed, release.keys).length < release.threshold) continue;
      this.#root = at;
      return;
    }
    fail('not-signed', 'too few release keys of any root signed the entry');
  }

  #nodes(signed: SignedEntry): void {
    for (const fleet of signingFleets(signed.entry)) {
      for (const node of fleet.nodes) {
        if (!isSignedByNode(signed, fleet, node, this.#verify))
          fail('not-signed', 'a node did not sign the entry that names it', { node: node.name, fleet: fleet.fleet.id });
      }
    }
  }

  #ruled(check: () => void): Ruling {
    try {
      check();
      return undefined;
    } catch (error) {
      if (error instanceof HoldfastError) return { words: error.message, evidence: error.evidence };
      throw error;
    }
  }

  #attempt<T>(name: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.findings.push(finding(name, 'bad', sentence(error.message), error.evidence));
      return undefined;
    }
  }

  get #newest(): Root {
    return this.#roots.at(-1) ?? fail('alarm', 'there is no root');
  }
}

export function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
