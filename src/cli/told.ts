/**
 * What went wrong, in the words of the registry (base/errors.ts): what the system says gets a code and with it a next step, and
 * what has no code at all is a bug of this program. Called by report.ts.
 */
import { type Code, HoldfastError } from '../base/errors.ts';

const CODES: Readonly<Record<string, Code>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  ENOENT: 'path',
  ENOTDIR: 'path',
  EISDIR: 'path',
  EEXIST: 'path',
  EACCES: 'path',
  EPERM: 'path',
  EROFS: 'path',
  ELOOP: 'path',
  ENAMETOOLONG: 'path',
};

export function coded(thrown: unknown): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  const { code, syscall, path, message } = thrown as NodeJS.ErrnoException;
  if (thrown instanceof Error && code !== undefined && syscall !== undefined) {
    // "ENOSPC: no space left on device, write"
    const what = /^[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
    return new HoldfastError(CODES[code] ?? 'system', path === undefined ? what : `${path}: ${what}`, { code, call: syscall }, thrown);
  }
  return new HoldfastError('alarm', `an error of this program: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {}, thrown);
}

/**
 * Without what a terminal takes for a command. (Attack: a file's name, or a message of whoever answered, that moves the cursor and
 * writes over what was said before.)
 */
export function plain(text: string): string {
  return text.replace(/\p{Cc}|\p{Bidi_Control}/gu, (one) => (one === '\n' ? one : `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`));
}

/** One line of a report: with a line feed in it, data would be a line of its own (attack: a region that says "good"). */
export function plainLine(text: string): string {
  return plain(text).replaceAll('\n', '\\n');
}

const SHOWN = 160;

/** A path that may be thousands of letters long, or have anything in it. */
export function plainPath(path: string): string {
  const shown = path.length <= SHOWN ? path : `${path.slice(0, SHOWN / 2)}...${path.slice(-SHOWN / 2)}`;
  return plainLine(shown);
}
