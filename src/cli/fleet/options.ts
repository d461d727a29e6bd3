/** What the commands that make a fleet share on the command line. */
import { InvalidArgumentError, Option } from 'commander';
import type { Progress } from '../../ceremony/perform.ts';
import { progressLine, say } from '../report.ts';
import { DEFAULT_FOLDER } from './layout.ts';

export function nodesOption(): Option {
  return new Option('--nodes <n>', 'how many nodes a new fleet gets: 3, 5 or 7 (default: 5)').argParser(parseSize);
}

export function folderOption(): Option {
  return new Option('--dir <folder>', "the fleet's folder").default(DEFAULT_FOLDER, '.holdfast in the project');
}

function parseSize(text: string): number {
  if (!['3', '5', '7'].includes(text)) throw new InvalidArgumentError('A fleet has 3, 5 or 7 nodes.');
  return Number(text);
}

export function showProgress({ number, steps, step, title, how }: Progress): void {
  if (how === 'found') say(`${step}: was done already, before it was recorded`);
  if (number < steps) progressLine(`[${number}/${steps}] ${step}: ${title}`);
  else say(`All ${steps} steps of the ceremony are on record.`);
}
