/** A process with all nodes of a fleet, at work until it is killed; says each thing that a person was told. See kill.test.ts. */
import { type FleetState, TestFleet } from './fleet.ts';
import { Person } from './person.ts';

const [state = '', round = ''] = process.argv.slice(2);
const fleet = TestFleet.of(JSON.parse(state) as FleetState);
for (const node of [0, 1, 2]) await fleet.start(node);
const voting = async () =>
  (await Promise.all([0, 1, 2].map((node) => fleet.service(node).health()))).every((one) => one.standing === 'voting');
while (!(await voting())) await new Promise((resolve) => setTimeout(resolve, 20));

async function live(name: string, via: number): Promise<void> {
  const person = await Person.of(fleet, name);
  person.via = via;
  process.stdout.write(`${name} begins\n`);
  const { kind } = await person.deposit('135790', new Uint8Array(32).fill(7));
  if (kind !== 'deposited') throw new Error(kind);
  process.stdout.write(`${name} deposited\n`);
  for (let guesses = 1; guesses <= 8; guesses += 1) {
    const guess = await person.recover('000000');
    if (guess.kind === 'wrong') process.stdout.write(`${name} guessed\n`);
  }
}

for (let crowd = 0; ; crowd += 1) {
  await Promise.all([0, 1, 2].map((via) => live(`${round}-${crowd}-${via}`, via)));
}
