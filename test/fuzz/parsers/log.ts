/** The transparency log's formats (C2SP). */
import { readFileSync } from 'node:fs';
import { concatBytes } from '../../../src/base/bytes.ts';
import { fail } from '../../../src/base/errors.ts';
import { checkpointText, parseCheckpoint } from '../../../src/log/checkpoint.ts';
import { formatNote, parseNote } from '../../../src/log/note.ts';
import { formatProof, parseProof } from '../../../src/log/proof.ts';
import { encodeEntries, parseEntries, parseTilePath, tilePath } from '../../../src/log/tile.ts';
import { parseVkey } from '../../../src/log/vkey.ts';
import { formatAddCheckpoint, parseAddCheckpoint } from '../../../src/witness/add-checkpoint.ts';
import { cosignatureKey, noteKey } from '../../log/keys.ts';
import { asBytes, type Parser, textOf } from '../parser.ts';

const proofText = () => readFileSync(new URL('../../log/golden/leaf.tlog-proof', import.meta.url), 'utf8');
const noteText = () => parseProof(proofText()).checkpoint;

const note: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [noteText()],
  read: (bytes) => formatNote(parseNote(textOf(bytes))),
};

const checkpoint: Parser = {
  spelling: 'one',
  refuses: ['malformed'],
  seeds: () => [parseNote(noteText()).text, `${parseNote(noteText()).text}an extension\n`],
  read: (bytes) => checkpointText(parseCheckpoint(textOf(bytes))),
};

const proof: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [proofText(), proofText().replace('\nindex', '\nextra AQID\nindex')],
  read: (bytes) => formatProof(parseProof(textOf(bytes))),
};

const vkey: Parser = {
  spelling: 'one',
  refuses: ['malformed'],
  seeds: () => [noteKey('log.example/holdfast').vkey.text, cosignatureKey('witness.example').vkey.text],
  read: (bytes) => parseVkey(textOf(bytes)).text,
};

const tilePaths: Parser = {
  spelling: 'one',
  refuses: ['malformed'],
  seeds: () => ['tile/0/000', 'tile/entries/x001/x234/067.p/8', 'tile/63/x999/999'],
  read: (bytes) => tilePath(parseTilePath(textOf(bytes))),
};

/** The width that the path says, then the leaves. */
const leaves: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [concatBytes(Uint8Array.of(2), encodeEntries([asBytes('one'), asBytes('')])), Uint8Array.of(0)],
  read(bytes) {
    const [width] = bytes;
    if (width === undefined) return fail('malformed', 'no width');
    return concatBytes(Uint8Array.of(width), encodeEntries(parseEntries(bytes.subarray(1), width)));
  },
};

const addCheckpoint: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [formatAddCheckpoint(3, [new Uint8Array(32).fill(7)], noteText()), formatAddCheckpoint(0, [], noteText())],
  read(bytes) {
    const { old, proof: hashes, note: read } = parseAddCheckpoint(textOf(bytes));
    return formatAddCheckpoint(old, hashes, formatNote(read));
  },
};

export const log = { note, checkpoint, proof, vkey, 'tile-path': tilePaths, leaves, 'add-checkpoint': addCheckpoint };
