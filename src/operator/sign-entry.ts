/**
 * The signatures under a candidate: of release keys, and of every node that its fleets still need. A node signs only what is
 * true of it, so this is also where an entry that is wrong about a node is found, before the log has it.
 */
import { fail, HoldfastError } from '../base/errors.ts';
import type { EntryFleet, EntryNode, FleetEntry } from '../fleet/entry.ts';
import type { NoteSignature } from '../log/note.ts';
import {
  isSignedByNode,
  linesOf,
  makeSignedEntry,
  nodeSignature,
  releaseSigners,
  type SignedEntry,
  signingFleets,
} from '../trust/signed-entry.ts';
import { type Candidate, keepWith } from './candidate.ts';
import type { Desk } from './desk.ts';

/** @throws `configuration` for too few release keys, `untrue-entry`, `unreachable`: then what was collected is kept */
export async function signEntry(desk: Desk, drafted: Candidate): Promise<SignedEntry> {
  const released = await withRelease(desk, drafted);
  const missing = signingFleets(released.entry).flatMap((fleet) =>
    fleet.nodes.filter((node) => lineOf(released, fleet, node) === undefined).map((node) => ({ fleet, node })),
  );
  const asked = makeSignedEntry(released.entry, released.signatures).text;
  let candidate = released;
  const ended = await Promise.allSettled(
    missing.map(async ({ fleet, node }) => {
      const line = await askNode(desk, released.entry, asked, fleet, node);
      // Read after the answer came: others have come meanwhile.
      candidate = keepWith(desk.state, candidate, [line]);
      desk.report({ step: 'nodes', words: `${node.name} signed the entry` });
    }),
  );
  const failed = ended.flatMap((end, i) =>
    end.status === 'rejected' ? { error: end.reason as unknown, node: missing[i]?.node.name } : [],
  );
  if (failed.length > 0) refuse(failed);
  return makeSignedEntry(candidate.entry, inOrder(candidate));
}

async function withRelease(desk: Desk, candidate: Candidate): Promise<Candidate> {
  const { threshold, keys } = desk.roots.latest.release;
  const { signatures, entry } = candidate;
  const there = signatures.length === 0 ? 0 : releaseSigners(makeSignedEntry(entry, signatures), keys).length;
  if (there >= threshold) return candidate;
  const lines = await desk.release(entry);
  desk.report({ step: 'release', words: `signed with ${lines.length} release ${lines.length === 1 ? 'key' : 'keys'}` });
  return keepWith(desk.state, candidate, lines);
}

async function askNode(desk: Desk, entry: FleetEntry, asked: string, fleet: EntryFleet, node: EntryNode): Promise<NoteSignature> {
  const { signature } = await desk.nodes.sign(node.url, { entry: asked, roots: [...desk.roots.chain] });
  const line = nodeSignature(fleet, node, signature);
  // Better found here than by the witness: at its address is another node, or none.
  if (!isSignedByNode(makeSignedEntry(entry, [line]), fleet, node, desk.verify)) fail('alarm', 'a signature was not found where it stands');
  return line;
}

function lineOf(candidate: Candidate, fleet: EntryFleet, node: EntryNode): NoteSignature | undefined {
  return linesOf(candidate, fleet, node)[0];
}

/** The same leaf however the answers came in: release keys first, then nodes as the entry lists them. */
function inOrder(candidate: Candidate): readonly NoteSignature[] {
  const ofNodes = signingFleets(candidate.entry).flatMap((fleet) => fleet.nodes.flatMap((node) => lineOf(candidate, fleet, node) ?? []));
  return [...candidate.signatures.filter((line) => !ofNodes.includes(line)), ...ofNodes];
}

function refuse(failed: readonly { readonly error: unknown; readonly node: string | undefined }[]): never {
  const [first] = failed;
  if (!(first?.error instanceof HoldfastError)) throw first?.error;
  const { code, message, evidence } = first.error;
  const others = failed.length === 1 ? '' : `; ${failed.length - 1} more nodes did not sign`;
  const lost = code === 'unreachable' ? `. If it is lost for good: --without ${first.node}` : '';
  return fail(code, `${first.node} does not sign the entry: ${message}${others}${lost}`, evidence, first.error);
}
