/**
 * The proof that the entry is in the log's tree, as one line of shell that hashes its way up (RFC 9162, section 2.1.3.2): each
 * hash of the proof stands on the side where that section puts it. It prints the root in base64.
 */
import { toBase64 } from '../../base/base64.ts';

export interface Path {
  readonly index: number;
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

export function inclusionCommand({ index, size, hashes }: Path): string {
  const sides = sidesOf(index, size, hashes.length);
  const steps = hashes.map((beside, i) => {
    const spelled = `echo ${toBase64(beside)} | base64 -d`;
    return `(printf '\\001'; ${sides[i] === 'left' ? `${spelled}; cat` : `cat; ${spelled}`}) | ${HASH}`;
  });
  return ["(printf '\\000'; cat entry.note)", HASH, ...steps, 'base64'].join(' | ');
}

const HASH = 'openssl sha256 -binary';

/** On which side of the running hash each one of the proof stands. */
function sidesOf(index: number, size: number, length: number): readonly ('left' | 'right')[] {
  let [at, last] = [index, size - 1];
  const up = (): void => {
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  };
  return Array.from({ length }, () => {
    const left = at % 2 === 1 || at === last;
    if (left) while (at % 2 === 0 && at !== 0) up();
    up();
    return left ? 'left' : 'right';
  });
}
