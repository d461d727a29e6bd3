/**
 * The checks that ask what the entry says and who stands behind it. Called by verify.ts, which knows their order; each throws
 * a HoldfastError whose message says what does not hold.
 */
import type { Id } from '../base/bytes.ts';
import { type Evidence, fail } from '../base/errors.ts';
import { activeFleet, type EntryFleet, type FleetEntry, fleetById } from '../fleet/entry.ts';
import type { Verify } from '../wire/signed.ts';
import type { Passed } from './check.ts';
import { checkPresent, checkSpread, isoTime } from './continuity.ts';
import type { Root } from './root.ts';
import type { Seen } from './seen.ts';
import { isSignedByNode, lastSignedBy, parseSignedEntry, releaseSigners, type SignedEntry, signingFleets } from './signed-entry.ts';

/** What the client is about to do: seal new shares, or open those of a fleet that its backup names. */
export type Purpose = { readonly kind: 'register' } | { readonly kind: 'recover'; readonly fleet: Id };

const refuse = (words: string, evidence?: Evidence): never => fail('untrusted-bundle', words, evidence);

export function entryForm(text: string): Passed<SignedEntry> {
  const signed = parseSignedEntry(text);
  const { sequence, fleets, digest } = signed.entry;
  return {
    value: signed,
    words: `The entry has its one form, and the ids in it are those of its keys.`,
    evidence: { sequence, fleets: fleets.length, digest },
  };
}

/** Exactly the roots': a deployment's keys mean nothing in another's. */
export function namespaceOf({ namespace }: FleetEntry, roots: Root): Passed<true> {
  if (namespace !== roots.namespace) refuse('the entry is of another namespace', { got: namespace, expected: roots.namespace });
  return { value: true, words: `The entry is of the namespace ${namespace}, as the roots are.` };
}

export function releasedBy(signed: SignedEntry, { release }: Root): Passed<true> {
  const signers = releaseSigners(signed, release.keys).map(({ name }) => name);
  const evidence = { got: signers.length, expected: release.threshold, signers: signers.join(', ') };
  if (signers.length < release.threshold) refuse('too few release keys signed the entry', evidence);
  return { value: true, words: `The operator released the entry: ${signers.length} of its release keys signed.`, evidence };
}

/**
 * Under the keys that the entry itself gives: one key exchanged in it, and that node's signature does not fit any more, nor, of an
 * absent one, that under an earlier entry, since it is for a fleet with the very same keys.
 */
export function signedByNodes(signed: SignedEntry, verify: Verify): Passed<true> {
  const fleets = signingFleets(signed.entry);
  for (const fleet of fleets) {
    const ruling = checkPresent(fleet);
    if (ruling !== undefined) refuse(ruling.words, ruling.evidence);
    for (const node of fleet.nodes) {
      const evidence = { node: node.name, fleet: fleet.fleet.id };
      if (!isSignedByNode(signed, fleet, node, verify)) refuse('a node did not sign the entry that names it', evidence);
    }
  }
  const nodes = fleets.reduce((count, fleet) => count + fleet.nodes.length, 0);
  const absent = fleets.flatMap((fleet) => fleet.nodes.filter((node) => lastSignedBy(fleet, node) !== undefined).map(({ name }) => name));
  if (absent.length === 0)
    return { value: true, words: `Each of the ${nodes} nodes of fleets in use signed the entry with its own key.`, evidence: { nodes } };
  return {
    value: true,
    words: `${nodes - absent.length} of the ${nodes} nodes of fleets in use signed the entry with their own keys. Absent, and vouched for by what they signed before under the same keys: ${absent.join(', ')}.`,
    evidence: { nodes, absent: absent.join(', ') },
    warning: true,
  };
}

/** Never back, never two entries of one sequence, and one after the other linked by its digest. */
export function notBehind({ sequence, digest, previous }: FleetEntry, seen: Seen | undefined): Passed<true> {
  if (seen === undefined) return { value: true, words: 'This is the first entry that is shown here, so there is none to compare with.' };
  const evidence = { got: sequence, seen: seen.sequence };
  if (sequence < seen.sequence) refuse('the entry is older than one that was shown here before', evidence);
  if (sequence === seen.sequence && digest !== seen.digest) refuse('another entry of the same sequence was shown here before', evidence);
  if (sequence === seen.sequence + 1 && previous !== seen.digest)
    refuse('the entry does not follow the one that was shown here before', evidence);
  return { value: true, words: 'The entry is not older than any that was shown here before.', evidence };
}

export function validAt({ validFrom, validUntil }: FleetEntry, nowMs: number): Passed<true> {
  const evidence = { validFrom: isoTime(validFrom), validUntil: isoTime(validUntil) };
  if (nowMs < validFrom) refuse('the entry is not valid yet', evidence);
  if (nowMs >= validUntil) refuse('the entry is not valid any more', evidence);
  return { value: true, words: `The entry is valid until ${evidence.validUntil}.`, evidence };
}

export function wantedFleet(entry: FleetEntry, purpose: Purpose): Passed<EntryFleet> {
  // Simulated tokens have a check of their own.
  const tolerance = { allowSimulated: true };
  const value = purpose.kind === 'register' ? activeFleet(entry, tolerance) : fleetById(entry, purpose.fleet, tolerance);
  const evidence = { fleet: value.fleet.id, state: value.state };
  if (purpose.kind === 'register') return { value, words: 'The entry names a fleet that takes registrations.', evidence };
  return { value, words: `The entry names the fleet that the backup asks for; it is ${value.state}.`, evidence };
}

export function spreadOut(fleet: EntryFleet): Passed<true> {
  const ruling = checkSpread(fleet);
  if (ruling !== undefined) refuse(ruling.words, ruling.evidence);
  return { value: true, words: `No region and no operator has ${fleet.fleet.threshold} or more of the ${fleet.nodes.length} nodes.` };
}

export function notSimulated({ nodes }: EntryFleet, allowSimulated: boolean): Passed<true> {
  const names = nodes.filter((one) => one.token.simulated).map((one) => one.name);
  if (names.length === 0) return { value: true, words: 'No node of the fleet keeps its keys in a simulated token.' };
  const evidence = { nodes: names.join(', ') };
  if (!allowSimulated) refuse('nodes of this fleet keep keys in simulated tokens, which protect nothing', evidence);
  return {
    value: true,
    words: 'Nodes keep keys in simulated tokens, which protect nothing; that was allowed here.',
    evidence,
    warning: true,
  };
}
