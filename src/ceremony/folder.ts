/** A ceremony's folder: files written whole and readable by their owner only. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { utf8 } from '../base/bytes.ts';
import { hash } from '../wire/signed.ts';

/** Told in a dry run what is done besides PKCS#11 calls. */
export type OnAct = (act: string) => void;

export class Folder {
  readonly folder: string;
  readonly onAct: OnAct | undefined;

  /** @param folder absolute */
  constructor(folder: string, onAct?: OnAct) {
    this.folder = folder;
    this.onAct = onAct;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** The whole file or none of it. */
  write(parts: readonly string[], text: string | Uint8Array): void {
    const file = this.path(...parts);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    this.onAct?.(`write ${parts.join('/')}`);
  }

  remove(...parts: readonly string[]): void {
    rmSync(this.path(...parts), { force: true });
    this.onAct?.(`remove ${parts.join('/')}`);
  }

  read(...parts: readonly string[]): string | undefined {
    const file = this.path(...parts);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  /** SHA-256 of a file, in hex; nothing when it is not there. */
  digest(...parts: readonly string[]): string | undefined {
    const text = this.read(...parts);
    return text === undefined ? undefined : hash(utf8(text));
  }
}
