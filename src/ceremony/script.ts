/**
 * The script for the people in the room, printed from the same plan that runs: who says what, what must be true, where words are
 * compared, where people sign by hand, where exceptions are written. Markdown, with boxes to tick. With it alone somebody who was
 * never at a ceremony can hold one.
 */
import { HANDOVER } from './custody.ts';
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
    before(plan),
    rules(plan.name),
    '## The steps',
    ...plan.steps.map((step, i) => stepText(step, i + 1, people)),
    after(plan),
    EXCEPTIONS,
  ].join('\n\n')}\n`;
}

const ROLES = `* The **operator** types. They do nothing that this script does not say, and read aloud what it says to read.
* **Observers** compare: what the screen shows, what is read aloud, what the script says must be true. They sign that it was so, with keys
  of their own. An observer who is unsure says so; there is no hurry.
* **Custodians** take cards: shares of the PINs that open the tokens. Fewer than the number named below learn nothing from theirs.`;

const HAND_OUT = `Custodians bring what they keep their cards on: an age identity if the parameters name their recipient, else a medium or a
      printer that nobody else reads.`;
const BRING =
  'Custodians bring their cards of the ceremony that the parameters name, and the age identity that opens them if they are encrypted.';

const before = ({ name, steps }: Plan<never>): string => `## Before the day

- [ ] Everyone who signs made a key at home, and gave the operator the line it prints:  \`scripts/ceremony key --out NAME.key\`
- [ ] The operator filled in what is chosen beforehand:  \`scripts/ceremony plan ${name} > parameters.json\`  and everyone read it.
- [ ] The operator read what will be done, call by call:  \`scripts/ceremony dry-run ${name} --parameters parameters.json\`
- [ ] It was rehearsed on this machine without devices:  \`scripts/ceremony rehearse ${name} --parameters parameters.json\`
- [ ] This script was printed for everyone:  \`scripts/ceremony script ${name} --parameters parameters.json\`
- [ ] Every observer brings on paper the digest of the program, and its words, from a machine of their own:  \`scripts/ceremony words\`
- [ ] Signers bring their key files, each on a medium of their own. ${steps.some(({ id }) => id === HANDOVER) ? HAND_OUT : BRING}`;

const rules = (name: string): string => `## How it goes

The operator types  \`scripts/ceremony run ${name} --parameters parameters.json --dir FOLDER\`  and from then on answers what is asked. Each question names
who answers it: that person looks, and says "yes", or "no", or "exception". On "no" the program stops; typed again, the same command goes on
where it stopped, and does nothing twice.

**When anything is not as this script says**, be it a word misheard, a person who leaves, a light that goes out: the answer is "exception". It asks who
answers for it and what happened, and both go into the transcript, where they stay. Write the same on the last page. A condition that does not
hold stops the ceremony; only those marked *(or an exception)* may be passed, and only with a name and a reason.

Where a box says "the program finds", the screen says "found" and the same words.

Digests are read as words: the operator reads all 24, an observer follows on the screen *and* writes the first and the last into the boxes below.
Who signs is asked for the path of their key file the first time, and presses Enter each time.`;

function stepText(step: Step<never>, number: number, people: NonNullable<Plan<never>['people']>): string {
  const { title, role, how, confirm = [], after: conditions, aloud = [], sign } = step;
  const lines = [`### ${number}. ${capitalised(title)}`, `Done by: ${said(role, people)}   Time ________`, '', ...(how ? [how, ''] : [])];
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

const after = ({ afterwards = [] }: Plan<never>): string => `## Afterwards

- [ ] Operator and observers sign the end of the transcript; the program shows its digest and the words of it. Everyone writes down the 24 words:

${Array.from({ length: 4 }, () => `      ${'_______________ '.repeat(6).trimEnd()}`).join('\n')}

- [ ] Everyone takes a copy of \`transcript.jsonl\`, and checks it on a machine of their own:
      \`scripts/ceremony verify --transcript transcript.jsonl\`  names plan, signers with their keys, exceptions, and what follows from it. Compare keys
      and digest with what you know.
- [ ] The transcript is published: nothing in it is secret.
${afterwards.map((one) => `- [ ] ${one}`).join('\n')}
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
