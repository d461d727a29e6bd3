/** Who is believed: entries, bundles, roots, and what a client keeps of them. */
import { readFileSync } from 'node:fs';
import { parseKnown, spellKnown } from '../../../src/client/known.ts';
import { parseEntry } from '../../../src/fleet/entry.ts';
import { parseBundle } from '../../../src/trust/bundle.ts';
import { parseRoot } from '../../../src/trust/root.ts';
import { formatSeen, parseSeen } from '../../../src/trust/seen.ts';
import { makeSignedEntry, parseSignedEntry } from '../../../src/trust/signed-entry.ts';
import { verifyBundle } from '../../../src/trust/verify.ts';
import { World } from '../../trust/world.ts';
import { type Parser, textOf } from '../parser.ts';

const golden = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
/** A line may come with its line feed, and is the same without. */
const line = (bytes: Uint8Array, spelled: string): string => (textOf(bytes).endsWith('\n') ? `${spelled}\n` : spelled);

const entry: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [golden('fleet/golden/entry.golden.json'), golden('fleet/golden/attested.golden.json')],
  read: (bytes) => line(bytes, parseEntry(textOf(bytes)).line),
};

const signedEntry: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [golden('trust/golden/entry.note')],
  read(bytes) {
    const { entry: read, note } = parseSignedEntry(textOf(bytes));
    return makeSignedEntry(read, note.signatures).text;
  },
};

const bundle: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [golden('trust/golden/bundle.golden.json'), '{"type":"holdfast/bundle/v1","entry":"","proof":"","roots":[""]}'],
  read: (bytes) => line(bytes, parseBundle(textOf(bytes)).line),
};

const root: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [golden('trust/golden/root.golden.json')],
  read: (bytes) => line(bytes, parseRoot(textOf(bytes)).text),
};

const view = {
  sequence: 1,
  digest: 'ab'.repeat(32),
  origin: 'log.example/holdfast',
  size: 1,
  root: 'cd'.repeat(32),
  roots: '{}',
};

const seen: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => [JSON.stringify(view)],
  read: (bytes) => formatSeen(parseSeen(textOf(bytes))),
};

const known: Parser = {
  spelling: 'many',
  refuses: ['malformed'],
  seeds: () => [JSON.stringify({ seen: JSON.stringify(view), bundle: '{}' })],
  read: (bytes) => spellKnown(parseKnown(textOf(bytes))),
};

/** The whole verification. It throws nothing, and trusts what was made and nothing that was made of it. */
const world = new World();
const verified: Parser = {
  spelling: 'one',
  refuses: [],
  async seeds() {
    await world.publish();
    return [(await world.bundle()).line];
  },
  read(bytes) {
    const { trusted, bundle: read } = verifyBundle(new TextDecoder().decode(bytes), world.options());
    return trusted && read !== undefined ? line(bytes, read.line) : undefined;
  },
};

export const trust = { entry, 'signed-entry': signedEntry, bundle, root, seen, known, verified };
