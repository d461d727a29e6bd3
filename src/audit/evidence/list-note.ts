/**
 * Who published: the operator's countersigning key signs the list of files (SHA256SUMS) as a C2SP signed note beside it, with the time,
 * in the form of its cosignatures (c2sp.org/tlog-cosignature).
 *
 *   holdfast/evidence-list/v1
 *   <folder of the publication: date and entry>
 *   <SHA-256 of SHA256SUMS, hex>
 *
 *   — <operator's key> <base64( 4 key id | 8 time | 64 signature )>
 *
 * It is no checkpoint: the second line of one is a number. (Attack: a list that is a tree to those who see the same key sign both.)
 */
import { fromUtf8, type Id, utf8 } from '../../base/bytes.ts';
import { HoldfastError } from '../../base/errors.ts';
import { cosign, cosignatureTime } from '../../log/cosignature.ts';
import { formatNote, parseNote } from '../../log/note.ts';
import type { SignBytes, Vkey } from '../../log/vkey.ts';
import { isoTime } from '../../trust/continuity.ts';
import { hash } from '../../wire/signed.ts';
import { sentence } from '../replay.ts';
import { type Finding, finding } from '../report.ts';
import type { Files } from './derived.ts';
import { type About, folderName, LIST_FILE, LIST_NOTE_FILE } from './publication.ts';

const TYPE = 'holdfast/evidence-list/v1';

const listText = (folder: string, list: Id): string => `${TYPE}\n${folder}\n${list}\n`;

/** @throws `not-signed` when `sign` holds another key than `vkey` */
export async function signList(
  { folder, list }: { readonly folder: string; readonly list: Id },
  { vkey, sign, timeSeconds }: { readonly vkey: Vkey; readonly sign: SignBytes; readonly timeSeconds: number },
): Promise<Uint8Array> {
  const text = listText(folder, list);
  return utf8(formatNote({ text, signatures: [await cosign(text, vkey, timeSeconds, sign)] }));
}

/**
 * @param about what the publication says of itself; missing where that is bad by itself
 * @param operator the key of the roots
 */
export function auditListNote(files: Files, about: About | undefined, operator: Vkey): Finding {
  const list = hash(files.get(LIST_FILE) ?? new Uint8Array());
  const note = files.get(LIST_NOTE_FILE);
  const evidence = { list, operator: operator.name };
  if (note === undefined && about?.signer !== undefined)
    return finding(
      'list',
      'bad',
      'The operator signed the list of files when this was published, and the signature was removed.',
      evidence,
    );
  if (note === undefined)
    return finding(
      'list',
      'unknown',
      `NOBODY SIGNED the list of files: it was published without the operator's key, or somebody else made the list anew. Page, VERIFY.txt and certificates rest on its digest alone: compare it with the feed as you or others got it: ${list}`,
      evidence,
    );
  try {
    const read = parseNote(fromUtf8(note));
    if (about === undefined || read.text !== listText(folderName(about.published, about.sequence), list))
      return finding('list', 'bad', 'What was signed is another list of files, or that of another publication.', evidence);
    const time = cosignatureTime(read, operator);
    if (time === undefined) return finding('list', 'bad', "The list of files is not signed by the operator's key of the roots.", evidence);
    const at = isoTime(time * 1000);
    return finding('list', 'good', `The operator (${operator.name}) signed the list of files at ${at}.`, { ...evidence, at });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return finding('list', 'bad', `${LIST_NOTE_FILE}: ${sentence(error.message)}`, { ...evidence, ...error.evidence });
  }
}
