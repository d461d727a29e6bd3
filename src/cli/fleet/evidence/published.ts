/**
 * The folder in which all publications stand. A publication is made aside and renamed into place, then listed; it is never
 * written again. Before another one is put beside them, all are looked at: whoever changed one is not helped to hide it.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { changesBetween } from '../../../audit/changes.ts';
import type { Composed } from '../../../audit/evidence/compose.ts';
import { parseList } from '../../../audit/evidence/list.ts';
import { INDEX_FILE, indexFiles, type Listed, parseIndex } from '../../../audit/evidence/listing.ts';
import { BUNDLE_FILE, LIST_FILE } from '../../../audit/evidence/publication.ts';
import { fail } from '../../../base/errors.ts';
import { type FleetEntry, parseEntry } from '../../../fleet/entry.ts';
import { hash } from '../../../wire/signed.ts';

/** Of what is being written. */
const ASIDE = '.making-';
/** Web servers read it as another user. */
const MODES = { folder: 0o755, file: 0o644 } as const;

export class Published {
  readonly folder: string;
  readonly #listed: Listed[];

  /** @param folder made if missing @throws `malformed` when it holds another index; `alarm` naming a file that was changed */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: MODES.folder });
    for (const name of readdirSync(folder)) if (name.startsWith(ASIDE)) rmSync(join(folder, name), { recursive: true });
    const index = join(folder, INDEX_FILE);
    this.#listed = existsSync(index) ? [...parseIndex(readFileSync(index, 'utf8')).publications] : [];
    for (const one of this.#listed) this.#requireUnchanged(one);
  }

  get newest(): Listed | undefined {
    return this.#listed.at(-1);
  }

  listed(name: string): Listed | undefined {
    return this.#listed.find((one) => one.folder === name);
  }

  read(one: Listed, path: string): string {
    return readFileSync(join(this.folder, one.folder, path), 'utf8');
  }

  /** The digest-bearing line of a publication, to tell whether it is the very same one. */
  bundleOf(one: Listed): string {
    return this.read(one, BUNDLE_FILE).trimEnd();
  }

  /** @throws `path` when the folder of this date and entry is there already */
  add({ files, listed }: Composed): void {
    const place = join(this.folder, listed.folder);
    const aside = mkdtempSync(join(this.folder, ASIDE));
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(aside, path)), { recursive: true, mode: MODES.folder });
      writeFileSync(join(aside, path), bytes, { mode: MODES.file, flush: true });
    }
    // A power cut or a kill between this and the index: the folder is whole, and nobody was told of it.
    if (existsSync(place)) rmSync(place, { recursive: true });
    renameSync(aside, place);
    this.#listed.push(listed);
    for (const [name, text] of indexFiles(this.#told())) this.#write(name, text);
  }

  #told() {
    const entries = this.#listed.map((one) => parseEntry(this.read(one, 'entry.json')));
    return this.#listed.map((one, i) => ({ ...one, changes: changesBetween(entries[i - 1], entries[i] as FleetEntry) }));
  }

  #write(name: string, text: string): void {
    const file = join(this.folder, name);
    writeFileSync(`${file}.new`, text, { mode: MODES.file, flush: true });
    renameSync(`${file}.new`, file);
  }

  #requireUnchanged({ folder, list }: Listed): void {
    const place = join(this.folder, folder);
    const spelled = readOf(join(place, LIST_FILE));
    if (spelled === undefined || hash(spelled) !== list) changed(`${folder}/${LIST_FILE}`);
    for (const [path, digest] of parseList(Buffer.from(spelled).toString('utf8'))) {
      const bytes = readOf(join(place, path));
      if (bytes === undefined || hash(bytes) !== digest) changed(`${folder}/${path}`);
    }
  }
}

function readOf(file: string): Uint8Array | undefined {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? new Uint8Array(readFileSync(file)) : undefined;
}

function changed(file: string): never {
  return fail('alarm', 'what was published was changed since, or removed. Nothing new was published', { file });
}
