/** `holdfast custodian`: for the people who each hold a share of a token's PIN, when a node is to be started. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { cardAmong } from '../custody/shares.ts';
import type { DeskState } from '../custody/speech.ts';
import { askDesk, giveShare } from '../custody/visit.ts';
import { askFor } from './passcode.ts';
import { print, printJson, say } from './report.ts';

interface Options {
  readonly socket: string;
  readonly cardFd?: number;
  readonly json?: true;
}

export function custodianCommands(): Command {
  const group = new Command('custodian').description("Give your share of a token's PIN to a node, or another program, that waits for it");
  const command = (name: string, description: string): Command =>
    group
      .command(name)
      .description(description)
      .requiredOption('--socket <path>', 'where it waits (of a node: token.pin.custodians.socket of its configuration)')
      .option('--json', 'print JSON');
  command('give', 'the card from a file descriptor, or its code typed without echo')
    .option('--card-fd <n>', 'file descriptor to read your cards from: the one that is wanted is taken', Number)
    .action(async ({ socket, cardFd, json }: Options) => {
      const { token, ceremony } = await askDesk(socket);
      say(`A program waits for the PIN of token ${token} (ceremony ${ceremony}). Is that what your card says?`);
      const share =
        cardFd === undefined
          ? new Secret(await askFor('Code on the card, both lines', undefined, '--card-fd')())
          : cardAmong(cardFrom(cardFd), { ceremony, token, pin: 'user' });
      const given = await giveShare(socket, share);
      if (given.needed === 0 && !json) print(`${token}: enough have come, the program has its PIN`);
      else show(given, json);
    });
  command('status', 'how many have come, and how many are needed').action(async ({ socket, json }: Options) => {
    show(await askDesk(socket), json);
  });
  return group.addHelpText(
    'after',
    `
Run it as the user of the node, or as root. Nothing is tried on the token until enough shares agree.

Examples:
  holdfast custodian status --socket /run/holdfast/custodians
  holdfast custodian give --socket /run/holdfast/custodians                     type the code
  holdfast custodian give --socket /run/holdfast/custodians --card-fd 3 3<cards
  age -d -i identity cards.age | holdfast custodian give --socket /run/holdfast/custodians --card-fd 0`,
  );
}

function cardFrom(fd: number): string {
  try {
    return readFileSync(fd, 'utf8');
  } catch (error) {
    return fail('configuration', `file descriptor ${fd} cannot be read`, {}, error);
  }
}

function show({ token, ceremony, given, needed }: DeskState, json: true | undefined): void {
  if (json) return printJson({ token, ceremony, given, needed });
  const names = given.map(({ index, custodian }) => (custodian === '' ? `share ${index}` : `${custodian} (share ${index})`));
  if (needed === 0) print(`${token}: nobody has come yet`);
  else print(`${token}: ${given.length} of ${needed} needed have come: ${names.join(', ')}`);
}
