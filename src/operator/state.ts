/**
 * What the operator knows and must not forget between commands, as files that are whole after a power cut. All of it is public;
 * whoever can change it can make the operator refuse, or, with an entry of his put among the submitted ones, countersign it:
 * guard the folder as the tokens are guarded, and keep a copy.
 *
 *   submitted/<leaf hash>.note     every entry that was ever handed to the log: only these are the operator's own
 *   seen-<key id>.checkpoint       of each log, by its key: the largest tree that was seen, and found to hold only own entries
 *   candidate.json                 an entry on its way, with the signatures collected so far
 *   bundle.json                    the last bundle
 *   evidence/<what>-<time>/        what was refused, kept for whoever must look
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { toHex, utf8 } from '../base/bytes.ts';
import { writeWhole } from '../files/files.ts';
import { leafHash } from '../log/merkle.ts';
import type { Vkey } from '../log/vkey.ts';

export class OperatorState {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  seen(log: Vkey): string | undefined {
    return this.#read(seenFile(log));
  }

  keepSeen(log: Vkey, checkpoint: string): void {
    this.#write(seenFile(log), checkpoint);
  }

  /** Before it is handed over: a log that shows it later shows nothing foreign. */
  keepSubmitted(note: string): void {
    this.#write(submittedFile(leafHash(utf8(note))), note);
  }

  /** The entry of this leaf, if it is the operator's own. */
  submitted(leaf: Uint8Array): string | undefined {
    return this.#read(submittedFile(leaf));
  }

  get candidate(): string | undefined {
    return this.#read('candidate.json');
  }

  keepCandidate(text: string): void {
    this.#write('candidate.json', text);
  }

  dropCandidate(): void {
    rmSync(join(this.folder, 'candidate.json'), { force: true });
  }

  get bundle(): string | undefined {
    return this.#read('bundle.json');
  }

  keepBundle(text: string): void {
    this.#write('bundle.json', text);
  }

  /** @returns the folder */
  keepEvidence(what: string, nowMs: number, files: Readonly<Record<string, string | Uint8Array>>): string {
    const folder = join('evidence', `${what}-${new Date(nowMs).toISOString().replaceAll(':', '')}`);
    for (const [name, content] of Object.entries(files)) this.#write(join(folder, name), content);
    return join(this.folder, folder);
  }

  #read(name: string): string | undefined {
    const file = join(this.folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  #write(name: string, content: string | Uint8Array): void {
    writeWhole(join(this.folder, name), content);
  }
}

const seenFile = ({ keyId }: Vkey): string => `seen-${keyId}.checkpoint`;
const submittedFile = (leaf: Uint8Array): string => join('submitted', `${toHex(leaf)}.note`);
