/**
 * An audit of one publication's files, by name: each against the list that was made when it was published, and what follows from
 * the bundle against the bundle itself, so that exchanging a file together with the list is found out too. What the list alone
 * vouches for (the page, VERIFY.txt, certificates) is as good as the list: the operator signed it (list-note.ts), or nobody did.
 */
import { equalBytes, fromUtf8, type Id } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Trusted } from '../../trust/verify.ts';
import { hash } from '../../wire/signed.ts';
import { sentence } from '../replay.ts';
import { type Finding, finding } from '../report.ts';
import { derive, type Files } from './derived.ts';
import { parseList } from './list.ts';
import { auditListNote } from './list-note.ts';
import { ABOUT_FILE, type About, isDevelopment, LIST_FILE, LIST_NOTE_FILE, parseAbout } from './publication.ts';

export type Certain = Pick<Trusted, 'bundle' | 'entry' | 'roots'>;

/** @param certain of a bundle whose keys are certain; without it only the list is looked at */
export function auditPublication(files: Files, certain: Certain | undefined): readonly Finding[] {
  const list = files.get(LIST_FILE);
  if (list === undefined) return [finding('files', 'unknown', `There is no list of files (${LIST_FILE}) to compare with.`)];
  const wrong = [
    ...told(`file ${LIST_FILE}`, () => against(parseList(fromUtf8(list)), files)),
    ...(certain === undefined ? [] : [...followingFrom(certain, files), ...told(`file ${ABOUT_FILE}`, () => aboutThis(certain, files))]),
  ];
  const signed = certain === undefined ? [] : [auditListNote(files, aboutIn(files), certain.roots.operator)];
  if (wrong.length > 0) return [...wrong.filter(({ name }, i) => wrong.findIndex((one) => one.name === name) === i), ...signed];
  const digest = hash(list);
  const words = `All ${namesToList(files).length} files are as listed. The feed told the digest of the list: ${digest}`;
  return [finding('files', 'good', words, { list: digest }), ...signed];
}

/** The list does not name itself, nor its signature. */
const namesToList = (files: Files): string[] => [...files.keys()].filter((path) => path !== LIST_FILE && path !== LIST_NOTE_FILE);

/** What is wrong with it is told as a finding of its own. */
function aboutIn(files: Files): About | undefined {
  try {
    return parseAbout(files.get(ABOUT_FILE) ?? new Uint8Array());
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

function told(name: string, look: () => readonly Finding[]): readonly Finding[] {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return [finding(name, 'bad', sentence(error.message), error.evidence)];
  }
}

function against(list: ReadonlyMap<string, Id>, files: Files): readonly Finding[] {
  const listed = [...list].flatMap(([path, digest]): readonly Finding[] => {
    const bytes = files.get(path);
    if (bytes === undefined) return [finding(`file ${path}`, 'bad', 'Is listed, and not here: it was removed.', { expected: digest })];
    const got = hash(bytes);
    return got === digest
      ? []
      : [finding(`file ${path}`, 'bad', 'Is not the file that was listed: it, or the list, was changed.', { expected: digest, got })];
  });
  const added = namesToList(files).filter((path) => !list.has(path));
  return [...listed, ...added.map((path) => finding(`file ${path}`, 'bad', 'Is here and not listed: it was put in.'))];
}

/** Made again from the bundle, and compared. */
function followingFrom({ bundle, roots }: Certain, files: Files): readonly Finding[] {
  return [...derive(bundle, roots).files].flatMap(([path, expected]): readonly Finding[] => {
    const bytes = files.get(path);
    if (bytes !== undefined && equalBytes(bytes, expected)) return [];
    return [finding(`file ${path}`, 'bad', 'Is not what follows from the bundle: it was changed.', { expected: hash(expected) })];
  });
}

function aboutThis({ bundle, entry }: Certain, files: Files): readonly Finding[] {
  const spelled = files.get(ABOUT_FILE);
  if (spelled !== undefined && isAbout(parseAbout(spelled), { bundle, entry })) return [];
  return [finding(`file ${ABOUT_FILE}`, 'bad', 'Is about another bundle or entry than the one here, or is missing.')];
}

function isAbout(about: About, { bundle, entry }: Pick<Certain, 'bundle' | 'entry'>): boolean {
  return (
    about.bundle === bundle.digest &&
    about.entry === entry.digest &&
    about.sequence === entry.sequence &&
    about.namespace === entry.namespace &&
    // A fleet for development that does not say so.
    about.development === isDevelopment(entry)
  );
}
