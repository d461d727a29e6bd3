/** What `holdfast ceremony verify` found, in words: also what it does not prove. */
import type { Verified } from '../../ceremony/verify.ts';
import { print, printTable } from '../report.ts';

interface Context {
  /** Files that were compared with what follows from the transcript. */
  readonly compared: readonly string[];
  /** Signers whose keys the caller knew. */
  readonly known: readonly string[];
}

export function showVerified(
  { plan, sameWords, lines, head, begunMs, endedMs, found, exceptions, signers, files, entry }: Verified,
  context: Context,
): void {
  const time = (ms: number): string => new Date(ms).toISOString();
  print(`The transcript is whole: ${lines} lines, plan ${plan}, performed ${time(begunMs)} to ${time(endedMs)}.`);
  print(`Digest of its last line:  ${head}`);
  if (!sameWords)
    print('The plan has other words in this version: what people confirmed is in the script of the version that performed it.');
  if (signers.length === 0) print('Nobody signed it: this plan is for development, and whoever has the folder can make it anew.');
  else {
    print('');
    printTable(
      ['SIGNED BY', 'ROLE', 'SIGNATURES', 'KEY', ''],
      signers.map(({ name, role, signatures, key }) => [
        { text: name },
        { text: role },
        { text: `${signatures}` },
        { text: key },
        context.known.includes(name)
          ? { text: 'as you know it', colour: 'green' }
          : { text: 'compare it with what you know', colour: 'yellow' },
      ]),
    );
  }
  print('');
  if (exceptions.length === 0) print('Exceptions: none.');
  else print(`Exceptions, ${exceptions.length}:`);
  for (const { line, by, about, text, must } of exceptions) {
    print(`  line ${line}, ${about}: ${text}  (${by.name}, ${by.role})`);
    if (must !== undefined) print(`    not as it must be: ${must}`);
  }
  if (found.length > 0) print(`Found done when reading back, before it was recorded: ${found.join(', ')}`);
  for (const file of Object.keys(files))
    print(`Follows from it:          ${file}${context.compared.includes(file) ? ', the same as the one at hand' : ''}`);
  if (entry !== undefined) print(`Entry that follows:       ${entry.digest}`);
  for (const { fleet } of entry?.fleets ?? []) print(`Fleet:                    ${fleet.id}`);
}
