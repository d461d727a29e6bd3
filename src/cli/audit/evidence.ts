/** What `holdfast verify` looks at in an evidence folder or page, besides the bundle in it. */
import { auditPublication, type Certain } from '../../audit/evidence/audit.ts';
import { ABOUT_FILE, LIST_FILE, parseAbout } from '../../audit/evidence/publication.ts';
import { auditFiles } from '../../audit/evidence-files.ts';
import { sentence } from '../../audit/replay.ts';
import { type Finding, finding } from '../../audit/report.ts';
import { fromUtf8, type Id } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import { verifyTranscript } from '../../ceremony/verify.ts';
import type { EntryNode } from '../../fleet/entry.ts';
import { hash } from '../../wire/signed.ts';
import type { FoundBundle } from './bundles.ts';

/** @param certain nothing while the bundle does not verify: then only what the list says is looked at */
export function auditEvidence({ files, findings = [] }: FoundBundle, certain: Certain | undefined): readonly Finding[] {
  if (files === undefined) return findings;
  const named = certain === undefined ? [] : auditFiles(certain.entry, digestsOf(files));
  // A folder that somebody put together by hand has no list.
  if (!files.has(LIST_FILE)) return [...findings, ...named];
  return [...findings, ...auditPublication(files, certain), ...named, ...(certain === undefined ? [] : auditTranscripts(files, certain))];
}

/** By their names below `files/`. */
function digestsOf(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Id> {
  const below = [...files].filter(([path]) => path.startsWith('files/'));
  return new Map(below.map(([path, bytes]) => [path.slice('files/'.length), hash(bytes)]));
}

/**
 * Each transcript gives the fleet that it is published for, with the keys that the entry has, and the tokens. (Attack: the keys of a
 * ceremony for development, which nobody watches, in an entry that calls its tokens devices.)
 */
export function auditTranscripts(files: ReadonlyMap<string, Uint8Array>, { entry }: Pick<Certain, 'entry'>): readonly Finding[] {
  const spelled = files.get(ABOUT_FILE);
  if (spelled === undefined) return [];
  return parsed(spelled).map(({ fleet, file }) => {
    const name = `transcript ${file.replace(/^files\//, '')}`;
    const bytes = files.get(file);
    if (bytes === undefined) return finding(name, 'unknown', 'Is not in this folder.');
    try {
      const { entry: derived, signers, exceptions, head } = verifyTranscript(fromUtf8(bytes));
      const evidence = { head, signers: signers.length, exceptions: exceptions.length };
      const made = derived?.fleets.find((one) => one.fleet.id === fleet);
      const stands = entry.fleets.find((one) => one.fleet.id === fleet);
      if (made === undefined || stands === undefined)
        return finding(name, 'bad', 'The fleet does not follow from the keys that this ceremony read back.', { ...evidence, fleet });
      const other = stands.nodes.find((node, i) => tokenIn(node) !== tokenIn(made.nodes[i]));
      if (other !== undefined) {
        const ceremony = tokenIn(made.nodes.find(({ id }) => id === other.id));
        const said = { node: other.name, entry: tokenIn(other), ceremony };
        return finding(name, 'bad', 'The entry says of a token what this ceremony did not read back.', { ...evidence, ...said });
      }
      const who =
        signers.length === 0
          ? 'Nobody signed it: it is of a fleet for development.'
          : `${signers.length} people signed it: ${signers.map((one) => one.name).join(', ')}.`;
      const words = `The ceremony is on record whole, and the fleet follows from the keys that it read back. ${who}`;
      return finding(name, signers.length === 0 || exceptions.length > 0 ? 'noted' : 'good', words, evidence);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      // By another version of this program: its plans, or the form of its transcripts, may be others.
      const { plan, expected } = error.evidence;
      const other = error.code === 'malformed' && (plan !== undefined || String(expected).startsWith('holdfast/transcript/'));
      return finding(name, other ? 'unknown' : 'bad', sentence(error.message), error.evidence);
    }
  });
}

function tokenIn(node: EntryNode | undefined): string {
  if (node === undefined) return 'none';
  const { model, class: where, simulated } = node.token;
  return `${model}, ${where}${simulated ? ', simulated' : ''}`;
}

/** What is wrong with it is told already. */
function parsed(spelled: Uint8Array) {
  try {
    return parseAbout(spelled).transcripts;
  } catch (error) {
    if (error instanceof HoldfastError) return [];
    throw error;
  }
}
