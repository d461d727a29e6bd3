/**
 * Reads a publication from wherever it lies, a folder or an address, without believing anything: the one at this place, or the
 * newest of those that its index lists. Of the others the lists' digests are compared with what the index and the next
 * publication say of them.
 */
import { fromUtf8 } from '../../base/bytes.ts';
import { fail, HoldfastError } from '../../base/errors.ts';
import { hash } from '../../wire/signed.ts';
import { type LogSource, readOptional, readWhole, Unreadable } from '../log-source.ts';
import { sentence } from '../replay.ts';
import { type Finding, finding } from '../report.ts';
import type { Files } from './derived.ts';
import { parseList } from './list.ts';
import { INDEX_FILE, type Index, type Listed, parseIndex } from './listing.ts';
import { ABOUT_FILE, BUNDLE_FILE, folderName, LIST_FILE, LIST_NOTE_FILE, parseAbout } from './publication.ts';

/** A folder can say what is in it, and so what was put there; a web server cannot. */
export interface Place extends LogSource {
  readonly list?: () => Promise<readonly string[]>;
}

export interface Read {
  readonly bundle: string;
  readonly files: Files;
  /** About the index and the publications before. */
  readonly findings: readonly Finding[];
}

/** @returns nothing where there is no publication @throws `malformed`; `Unreadable` */
export async function readPublication(place: Place): Promise<Read | undefined> {
  const bundle = await readOptional(place, BUNDLE_FILE);
  if (bundle !== undefined) return { bundle: fromUtf8(bundle), files: await filesIn(place), findings: [] };
  const spelled = await readOptional(place, INDEX_FILE);
  if (spelled === undefined) return undefined;
  const index = parseIndex(fromUtf8(spelled));
  const newest = index.publications.at(-1) ?? fail('alarm', 'an index without a publication was read');
  const read = await readPublication(below(place, newest.folder));
  if (read === undefined) throw new Unreadable(`${place.name}: ${INDEX_FILE} lists ${newest.folder}, and it is not there`);
  return { ...read, findings: [...(await above(place, index)), ...(await earlier(place, index))] };
}

function below({ name, read, list }: Place, folder: string): Place {
  return {
    name: `${name.replace(/\/$/, '')}/${folder}`,
    read: (path) => read(`${folder}/${path}`),
    ...(list !== undefined && {
      list: async () => (await list()).filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)),
    }),
  };
}

async function filesIn(place: Place): Promise<Files> {
  const list = await readOptional(place, LIST_FILE);
  const paths = new Set([...(await namesIn(place)), ...(list === undefined ? [] : [...listedIn(list), LIST_NOTE_FILE])]);
  const files = new Map<string, Uint8Array>();
  for (const path of paths) {
    const bytes = await readOptional(place, path);
    if (bytes !== undefined) files.set(path, bytes);
  }
  if (list !== undefined) files.set(LIST_FILE, list);
  return files;
}

async function namesIn({ list }: Place): Promise<readonly string[]> {
  return list === undefined ? [] : await list();
}

/** A list that is none is told of by the audit. */
function listedIn(list: Uint8Array): readonly string[] {
  try {
    return [...parseList(fromUtf8(list)).keys()];
  } catch (error) {
    if (error instanceof HoldfastError) return [];
    throw error;
  }
}

/** The pages beside the index. */
async function above(place: Place, { files }: Index): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, expected] of Object.entries(files)) {
    const bytes = await readOptional(place, name);
    const got = bytes === undefined ? 'nothing' : hash(bytes);
    if (got !== expected)
      findings.push(finding(`file ${name}`, 'bad', 'Is not the file that the index names: it was changed or removed.', { expected, got }));
  }
  return findings;
}

/** Of each: what the index says of it, its list, and that it follows the one before. */
async function earlier(place: Place, { publications }: Index): Promise<readonly Finding[]> {
  const wrong: Finding[] = [];
  for (const [i, one] of publications.entries()) {
    const name = `publication ${one.folder}`;
    try {
      const words = await faultOf(below(place, one.folder), one, publications[i - 1]);
      if (words !== undefined) wrong.push(finding(name, 'bad', words, { expected: one.list }));
    } catch (error) {
      if (error instanceof Unreadable) wrong.push(finding(name, 'unknown', sentence(error.message)));
      else if (error instanceof HoldfastError) wrong.push(finding(name, 'bad', sentence(error.message), error.evidence));
      else throw error;
    }
  }
  if (wrong.length > 0) return wrong;
  const { length } = publications;
  const words =
    length === 1
      ? 'It is the first publication.'
      : `All ${length} publications follow one another, each naming the list of the one before. The newest is looked at.`;
  return [finding('publications', 'good', words, { publications: length })];
}

async function faultOf(place: Place, listed: Listed, before: Listed | undefined): Promise<string | undefined> {
  if (hash(await readWhole(place, LIST_FILE)) !== listed.list)
    return `Its ${LIST_FILE} is not the one that the index names: it, or the index, was changed.`;
  const { previous, published, namespace, sequence, entry, development } = parseAbout(await readWhole(place, ABOUT_FILE));
  const said = JSON.stringify({
    folder: folderName(published, sequence),
    published,
    namespace,
    sequence,
    entry,
    list: listed.list,
    development,
  });
  if (said !== JSON.stringify(listed)) return `Its ${ABOUT_FILE} does not say what the index says of it.`;
  if (previous?.folder === before?.folder && previous?.list === before?.list) return undefined;
  return 'Does not follow the publication before it: one was changed, left out or put in.';
}
