/**
 * The script for the people in the room, printed from the same plan that runs: who says what, what must be true, where words are
 * compared, where people sign by hand, where exceptions are written. Markdown, with boxes to tick. With it alone somebody who was
 * never at a ceremony can hold one.
 */
import { type Person, peopleOf, type Role } from './people.ts';
import type { Plan, Step } from './plan.ts';

const LINE = '______________________';

export function printScript(plan: Plan<never>): string {
  const { people } = plan;
  if (people === undefined)
    return `# ${plan.title}\n\nA program performs this plan by itself: there is nothing to say and nobody to sign.\n`;
  const everyone = (['operator', 'observer', 'custodian'] as const).flatMap((role) => peopleOf(people, role));
  return `${[
    `# ${plan.title}`,
    `Date ${LINE}   Place ${LINE}   Begun at ________   Ended at ________`,
    '## Who is here',
    table(
      ['Name', 'Role', 'Signature by hand'],
      everyone.map(({ name, role }) => [name, role, LINE]),
    ),
    ROLES,
    before(plan.name),
    rules(plan.name),
    '## The steps',
    ...plan.steps.map((step, i) => stepText(step, i + 1, people)),
    after(plan.name),
    EXCEPTIONS,
  ].join('\n\n')}\n`;
}

const ROLES = `* The **operator** types. They do nothing that this script does not say, and read aloud what it says to read.
* **Observers** compare: what the screen shows, what is read aloud, what the script says must be true. They sign that it was so, with keys
  of their own. An observer who is unsure says so; there is no hurry.
* **Custodians** take cards: shares of the PINs that open the tokens. Fewer than the number named below learn nothing from theirs.`;

const before = (name: string): string => `## Before the day

- [ ] Everyone who signs made a key at home, and gave the operator the line it prints:  \`scripts/ceremony key --out NAME.key\`
- [ ] The operator filled in what is chosen beforehand:  \`scripts/ceremony plan ${name} > parameters.json\`  and everyone read it.
- [ ] The operator read what will be done, call by call:  \`scripts/ceremony dry-run ${name} --parameters parameters.json\`
- [ ] It was rehearsed on this machine without devices:  \`scripts/ceremony rehearse ${name} --parameters parameters.json\`
- [ ] This script was printed for everyone:  \`scripts/ceremony script ${name} --parameters parameters.json\`
- [ ] Signers bring their key files, each on a medium of their own. Custodians bring what they keep their cards on: an age identity if the
      parameters name their recipient, else a medium or a printer that nobody else reads.`;

const rules = (name: string): string => `## How it goes

The operator types  \`scripts/ceremony run ${name} --parameters parameters.json --dir FOLDER\`  and from then on answers what is asked. Each question names
who answers it: that person looks, and says "yes", or "no", or "exception". On "no" the program stops; typed again, the same command goes on
where it stopped, and does nothing twice.

**When anything is not as this script says**, be it a word misheard, a person who leaves, a light that goes out: the answer is "exception". It asks who
answers for it and what happened, and both go into the transcript, where they stay. Write the same on the last page. A condition that does not
hold stops the ceremony; only those marked *(or an exception)* may be passed, and only with a name and a reason.

Digests are read as words: the operator reads all 24, an observer follows on the screen *and* writes the first and the last into the boxes below.`;

function stepText(step: Step<never>, number: number, people: NonNullable<Plan<never>['people']>): string {
  const { title, role, confirm = [], after: conditions, aloud = [], sign } = step;
  const lines = [`### ${number}. ${capitalised(title)}`, `Done by: ${said(role, people)}   Time ________`, ''];
  for (const { by, statement } of confirm)
    for (const { name } of peopleOf(people, by)) lines.push(`- [ ] **${name}** says: "${statement}"`);
  for (const { must, excusable } of conditions) lines.push(`- [ ] The program finds: ${must}${excusable ? ' *(or an exception)*' : ''}`);
  for (const { what } of aloud) lines.push(`- [ ] Read aloud and compared: **${what}**. First word ____________ last word ____________`);
  if (sign) lines.push(`- [ ] Operator and observers sign the transcript so far, each with their own key`);
  return lines.join('\n');
}

const said = (role: Role, people: NonNullable<Plan<never>['people']>): string =>
  `${role} (${peopleOf(people, role)
    .map(({ name }: Person) => name)
    .join(', ')})`;

const after = (name: string): string => `## Afterwards

- [ ] Operator and observers sign the end of the transcript; the program shows its digest in words. Everyone writes it down:

      ${`${LINE} `.repeat(3)}

- [ ] Everyone takes a copy of \`transcript.jsonl\`, and checks it on a machine of their own:
      \`scripts/ceremony verify --transcript transcript.jsonl\`  names plan, signers with their keys, exceptions, and what follows from it. Compare keys
      and digest with what you know.
- [ ] What this ceremony gave (${name}) is published together with the transcript: nothing in it is secret.
- [ ] Everyone signs this script by hand, on the first page.`;

const EXCEPTIONS = `## Exceptions

${table(
  ['Time', 'Step', 'What happened', 'Who answers for it', 'Initials'],
  Array.from({ length: 8 }, () => [' ', ' ', ' ', ' ', ' ']),
)}`;

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [row(heads), row(heads.map(() => '---')), ...rows.map(row)].join('\n');
}

const capitalised = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
