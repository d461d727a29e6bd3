/** Publications of a small software world, written as the command writes them: for tests that need no real fleet. */

import type { Material } from '../../src/audit/evidence/compose.ts';
import { compose } from '../../src/audit/evidence/compose.ts';
import { signList } from '../../src/audit/evidence/list-note.ts';
import { LIST_NOTE_FILE } from '../../src/audit/evidence/publication.ts';
import { utf8 } from '../../src/base/bytes.ts';
import { Published } from '../../src/cli/fleet/evidence/published.ts';
import { hash } from '../../src/wire/signed.ts';
import { goodFleet, type World } from '../trust/world.ts';

const ATTESTATION = utf8('what the maker of a token signed');
const TRANSCRIPT = utf8('{"the":"transcript of a ceremony"}\n');
const url = (name: string) => `https://evidence.example.org/${name}`;

/** A fleet of which everything is published: a transcript that the entry names, one attestation, code with its recipe. */
export function evidentFleet() {
  const fleet = goodFleet();
  const attestation = { format: 'example-device', digest: hash(ATTESTATION), url: url('node-2.attestation') };
  return {
    ...fleet,
    nodes: fleet.nodes.map((node, i) => (i === 1 ? { ...node, attestation } : node)),
    measurements: [{ digest: 'cd'.repeat(32) as typeof fleet.id, rebuild: 'git checkout v1 && npm run release' }],
    evidence: [{ about: 'ceremony transcript', digest: hash(TRANSCRIPT), url: url('first-fleet.jsonl') }],
  };
}

export async function materialOf(world: World, published: string): Promise<Omit<Material, 'previous'>> {
  const { line } = await world.bundle();
  return {
    bundle: line,
    firstRoot: world.roots[0]!,
    published,
    log: 'https://log.witness.example',
    evidence: new Map([
      ['first-fleet.jsonl', TRANSCRIPT],
      ['node-2.attestation', ATTESTATION],
    ]),
    transcripts: [],
    certificates: [],
    page: utf8('<!doctype html><title>a page</title>\n'),
  };
}

/** @param sign as the operator does; others have not its key @returns the folder of the publication */
export async function publishInto(folder: string, world: World, published: string, sign = true): Promise<string> {
  const all = new Published(folder);
  const { newest } = all;
  const previous = newest && { listed: newest, entry: all.read(newest, 'entry.json') };
  const composed = compose({ ...(await materialOf(world, published)), previous, ...(sign && { signer: world.operator.vkey.text }) });
  const timeSeconds = Date.parse(published) / 1000;
  const note = await signList(composed.listed, { ...world.operator, timeSeconds });
  all.add(sign ? { ...composed, files: new Map([...composed.files, [LIST_NOTE_FILE, note]]) } : composed);
  return `${folder}/${composed.listed.folder}`;
}
