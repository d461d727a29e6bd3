/** `holdfast status`. */
import type { Command } from 'commander';
import { systemClock } from '../../base/ports.ts';
import type { ToldEvent } from '../../device/events.ts';
import { describeWait, nameOf } from '../../device/names.ts';
import { type AccountStatus, tellStatus } from '../../device/status.ts';
import { print, printJson, printTable, say } from '../report.ts';
import { type Common, command, homeOf } from './options.ts';

const EVENTS_SHOWN = 12;

export function status(): Command {
  return command('status', 'guesses used and left, what happened to your account, and which nodes say so', 'holdfast status').action(
    async (common: Common) => {
      const told = await tellStatus(homeOf(common), say);
      if (common.json) printJson({ ...told, waiting: told.waiting.map((one) => ({ ...one, way: one.way.kind })) });
      else show(told);
    },
  );
}

function show(told: AccountStatus): void {
  const { registered, generation, locked, guessesLeft, guessesUsed, nextGuess, recoveryCode, nodes, silent, waiting, history } = told;
  if (!registered) print('No backup key is deposited under a passcode for this account.');
  else {
    const guesses = locked ? 'LOCKED: all guesses are used up' : `${guessesLeft} guesses left, ${guessesUsed} used`;
    print(`Backup key deposited (generation ${generation}). ${guesses}.`);
    if (nextGuess !== undefined) print(`The next guess is allowed ${describeWait(nextGuess.secondsLeft, systemClock())}.`);
    if (locked) print(recoveryCode ? 'Next: holdfast restore FROM --to FOLDER --recovery-code.' : 'Next: holdfast passcode set --new-key.');
  }
  print(recoveryCode ? 'A recovery code opens it too.' : 'There is no recovery code (holdfast recovery-code generate).');
  for (const { way } of waiting) print(`ANNOUNCED: a replacement of your ${nameOf(way)}. If it is not yours: holdfast cancel`);
  print('');
  printTable(
    ['node', 'generation', 'tried', 'last success', ''],
    [
      ...nodes.map((one) => [one.node, one.generation, one.tried, one.cleared, one.voting ? '' : 'does not vote now']),
      ...silent.map((node) => [node, '', '', '', 'did not answer']),
    ].map((row) => row.map((cell) => ({ text: String(cell) }))),
  );
  if (history.length === 0) return;
  print('');
  for (const event of history.slice(0, EVENTS_SHOWN)) print(describe(event));
}

function describe({ timeMs, kind, way, generation, attempt, certain, nodes }: ToldEvent): string {
  const time = new Date(timeMs).toISOString().replace('T', ' ').slice(0, 19);
  const number = attempt > 0 ? ` number ${attempt}` : '';
  return `${time}  ${kind}${number}  ${way}, generation ${generation}${certain ? '' : `, told by ${nodes.join(', ')} only`}`;
}
