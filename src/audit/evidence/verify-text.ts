/** VERIFY.txt of a publication: every claim, its command and what that prints. Plain text, for whoever reads in a terminal. */
import { BUNDLE_PROVES_NOT } from '../bundle.ts';
import { LIVE_PROVES_NOT } from '../live.ts';
import type { Section } from './claims.ts';
import type { Publication } from './publication.ts';
import { DEVELOPMENT, oneLine, wrapped } from './words.ts';

/** @param sections of claims.ts */
export function verifyText({ about, entry }: Publication, sections: readonly Section[]): string {
  const banner = about.development ? [...wrapped(DEVELOPMENT), ''] : [];
  const head = [
    `Entry ${entry.sequence} of ${about.namespace}, published ${about.published}`,
    '',
    ...banner,
    ...wrapped(
      'Each claim is followed by one command ("$") and by what it prints (">") when the claim holds. Run them in this folder, with bash, ' +
        'coreutils, grep and OpenSSL 3; "holdfast" is this project. Read a command before you run it: this text comes from whom you audit.',
    ),
    '',
    ...wrapped('ROOT is the root.json that you trust: from the app, from somebody you know, from paper. Do not take it from here.'),
    '',
    '    export ROOT=/path/to/root.json',
    '',
  ];
  let number = 0;
  const body = sections.flatMap(({ title, claims }) => [
    title,
    '-'.repeat(title.length),
    '',
    ...claims.flatMap(({ what, command, expect, note }) => {
      number += 1;
      return [
        ...wrapped(`${number}. ${what}`),
        '',
        `    $ ${oneLine(command)}`,
        ...expect.map((line) => `    > ${oneLine(line)}`),
        '',
        ...(note === undefined ? [] : [...wrapped(note), '']),
      ];
    }),
  ]);
  const proves = [
    'What none of this proves',
    '------------------------',
    '',
    ...[...BUNDLE_PROVES_NOT, LIVE_PROVES_NOT].flatMap((one) => wrapped(`- ${one}`)),
  ];
  return `${[...head, ...body, ...proves].join('\n')}\n`;
}
