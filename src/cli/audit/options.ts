/** What the auditing commands share on the command line. */
import { InvalidArgumentError, Option } from 'commander';

export function rootOption(): Option {
  return new Option(
    '--root <file>',
    'the root.json that you trust, of any version: from the app, a friend, a printed page',
  ).makeOptionMandatory();
}

export function thirdPartiesOption(): Option {
  return new Option('--third-parties <n>', 'how many third parties must have cosigned the log').default(1).argParser((text) => {
    if (!/^[0-9]{1,2}$/.test(text)) throw new InvalidArgumentError('expected a number');
    return Number(text);
  });
}

export function allowSimulatedOption(): Option {
  return new Option('--allow-simulated', 'accept tokens that protect nothing, and code that nobody measured: a development fleet');
}

export function seenOption(): Option {
  return new Option('--seen <file>', 'what was seen the last time: compared, and replaced when all is good');
}

export function caOption(): Option {
  return new Option('--ca <file>', 'a certification authority of web addresses that the system does not know; for development');
}

export function explainOption(): Option {
  return new Option('--explain', 'say of each check what it means and what it does not prove');
}
