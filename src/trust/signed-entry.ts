/**
 * Signed entries, the leaves of the log: a note whose text is the fleet entry's line and a line feed (docs/transparency.md,
 * "Signed entry"). Release keys sign the text; each node signs a statement `node/fleet-entry` that names the entry's digest,
 * and stands in the note under `<node name>.<fleet id>`. A node that the entry states as absent did not: in its place stands what it
 * signed under an earlier entry, whose digest the entry gives. The statement names the fleet too, whose id is the hash of all its
 * keys, so that it speaks for those and no others.
 *
 *   key id of a node = SHA-256( name | 0x0A | 0xff | "holdfast/v1/node/fleet-entry" | 33 identity key )[:4]
 *
 * The witness and every client read entries here; the operator makes them here. The leaf is never serialised again: what was
 * logged is the text as it is.
 */
import { concatBytes, type Id, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type EntryFleet, type EntryNode, type FleetEntry, parseEntry } from '../fleet/entry.ts';
import { formatNote, isSignedBy, type Note, type NoteSignature, parseNote, signaturesOf } from '../log/note.ts';
import { LEAF_BYTES_MAX } from '../log/tile.ts';
import { noteKeyId, type Vkey } from '../log/vkey.ts';
import { encodeMessage } from '../wire/message.ts';
import type { Verify } from '../wire/signed.ts';

export interface SignedEntry {
  readonly entry: FleetEntry;
  readonly note: Note;
  /** The note as a whole, as shipped, and its bytes: what the log has. */
  readonly text: string;
  readonly leaf: Uint8Array;
}

const NODE_TYPE = concatBytes(Uint8Array.of(0xff), utf8('holdfast/v1/node/fleet-entry'));

/** Who signed it is not looked at. @throws `malformed`, `too-large` */
export function parseSignedEntry(text: string): SignedEntry {
  const leaf = utf8(text);
  if (leaf.length > LEAF_BYTES_MAX) fail('too-large', `a signed entry has at most ${LEAF_BYTES_MAX} bytes`, { got: leaf.length });
  const note = parseNote(text);
  const entry = parseEntry(note.text);
  if (note.text !== entryText(entry)) fail('malformed', 'the text of a signed entry is one line');
  return { entry, note, text, leaf };
}

/** What release keys sign. */
export function entryText({ line }: FleetEntry): string {
  return `${line}\n`;
}

/** What a node signs with its identity key, in its token. */
export function nodeStatement({ digest }: Pick<FleetEntry, 'digest'>, { fleet }: EntryFleet, node: EntryNode): Uint8Array {
  return encodeMessage('node/fleet-entry', { fleet: fleet.id, signer: node.id, entry: digest });
}

/** The line under which a node's signature (r and s, 64 bytes, over `nodeStatement`) stands in the note. */
export function nodeSignature(fleet: EntryFleet, node: EntryNode, signature: Uint8Array): NoteSignature {
  return { ...nodeKey(fleet, node), signature };
}

/** What stands in the note under the name and key id of a node. */
export function linesOf(note: Pick<Note, 'signatures'>, fleet: EntryFleet, node: EntryNode): readonly NoteSignature[] {
  return signaturesOf(note, nodeKey(fleet, node));
}

function nodeKey({ fleet }: EntryFleet, node: EntryNode) {
  const name = `${node.name}.${fleet.id}`;
  return { name, keyId: noteKeyId(name, NODE_TYPE, node.identityKey) };
}

/** @throws `malformed`, `too-large` for what `parseSignedEntry` would refuse */
export function makeSignedEntry(entry: FleetEntry, signatures: readonly NoteSignature[]): SignedEntry {
  return parseSignedEntry(formatNote({ text: entryText(entry), signatures }));
}

/** The release keys that signed the entry. @throws `not-signed` when a line of one of them does not verify */
export function releaseSigners({ note }: SignedEntry, keys: readonly Vkey[]): readonly Vkey[] {
  return keys.filter((one) => isSignedBy(note, one));
}

/** Nodes sign for as long as their fleet keeps anything. */
export function signingFleets({ fleets }: FleetEntry): readonly EntryFleet[] {
  return fleets.filter(({ state }) => state !== 'retired');
}

/** The entry that this one says the node signed last; nothing for one that signs this one. */
export function lastSignedBy({ absent }: EntryFleet, { id }: Pick<EntryNode, 'id'>): Id | undefined {
  return absent?.find(({ node }) => node === id)?.signed;
}

/**
 * Whether the note has the signature that it must have of a node: under this entry, or, of one that it states as absent, under the
 * one that it names. @throws `not-signed` when a line of the node does not verify
 */
export function isSignedByNode({ entry, note }: SignedEntry, fleet: EntryFleet, node: EntryNode, verify: Verify): boolean {
  const lines = linesOf(note, fleet, node);
  const statement = nodeStatement({ digest: lastSignedBy(fleet, node) ?? entry.digest }, fleet, node);
  for (const { signature } of lines) {
    if (signature.length !== 64 || !verify(node.identityKey, statement, signature))
      fail('not-signed', 'the signature of a node under the entry does not verify', { node: node.name, fleet: fleet.fleet.id });
  }
  return lines.length > 0;
}
