/** `holdfast cancel`. */
import type { Command } from 'commander';
import { cancelAnnounced } from '../../device/cancel.ts';
import { nameOf } from '../../device/names.ts';
import { print, printJson, say } from '../report.ts';
import { bringOf, type Common, command, homeOf, type WaysIn, withWaysIn } from './options.ts';

const OUTCOMES = {
  cancelled: 'is cancelled, for good',
  late: 'came into force already',
  unfinished: 'is not cancelled yet: too few nodes answered. Run this again',
} as const;

export function cancel(): Command {
  return withWaysIn(
    command('cancel', 'object to what was announced for your account: replacements and deletions that wait', 'holdfast cancel'),
  ).action(async (options: Common & WaysIn) => {
    const done = await cancelAnnounced(
      homeOf(options),
      bringOf(options),
      (waiting) => {
        for (const { way, generation } of waiting) say(`announced: a replacement of your ${nameOf(way)} (generation ${generation})`);
      },
      say,
    );
    if (options.json) return printJson(done.map((one) => ({ ...one, way: one.way.kind })));
    if (done.length === 0) print('Nothing is announced for your account.');
    for (const { way, generation, outcome } of done)
      print(`The replacement of your ${nameOf(way)} (generation ${generation}) ${OUTCOMES[outcome]}.`);
  });
}
