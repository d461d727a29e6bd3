/** A node that carries messages may send its peers any votes it has seen: only those of a quorum for just this guess are answered. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { blindInput } from '../../src/client/open.ts';
import { hash, type Signed } from '../../src/wire/signed.ts';
import { TestFleet } from './fleet.ts';
import { Person } from './person.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make({ lockDelayMs: 60_000 });
  await vi.waitFor(
    async () => {
      for (const node of [0, 1, 2]) expect((await fleet.service(node).health()).standing).toBe('voting');
    },
    { timeout: 8_000, interval: 50 },
  );
});
afterAll(() => fleet.close());

const anyElement = () => blindInput(new Secret(utf8('a guess')), systemRandom).element;

/** @returns how this person guesses, and what is in force */
async function guessing(name: string) {
  const person = await Person.of(fleet, name);
  await person.deposit('135790', new Uint8Array(randomBytes(32)));
  const { registration } = await person.status();
  const { generation, digest } = registration ?? expect.fail('nothing is in force');
  const asking = (attempt: number, element: Uint8Array) =>
    person.authorised('attempt', { generation, digest, attempt, body: hash(element) });
  const votesOn = async (attempt: number, element: Uint8Array): Promise<readonly Signed[]> => {
    const { votes, said } = await fleet.service(0).clients.attempt({ ...(await asking(attempt, element)), element, shown: [] });
    expect(said.length).toBeGreaterThanOrEqual(2);
    return votes;
  };
  return { person, asking, votesOn };
}

test.each([
  'no votes',
  'too few',
  'one twice',
  'of another guess',
  'of two guesses',
  'on another element',
  'of another person',
  'with a changed byte',
])('a guess is not answered with votes that are no quorum certificate of it: %s', async (which) => {
  const [ann, ben] = [await guessing(`ann ${which}`), await guessing(`ben ${which}`)];
  const [first, second] = [anyElement(), anyElement()];
  const [one, two] = [await ann.votesOn(1, first), await ann.votesOn(2, second)];
  const changed = one.map(({ bytes, signature }) => ({
    bytes: bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)),
    signature,
  }));
  const wanting: Record<string, readonly Signed[]> = {
    'no votes': [],
    'too few': two.slice(0, 1),
    'one twice': [two[0] as Signed, two[0] as Signed],
    'of another guess': one,
    'of two guesses': [two[0] as Signed, one[1] as Signed],
    'on another element': two,
    'of another person': await ben.votesOn(1, first),
    'with a changed byte': changed,
  };
  const element = which === 'on another element' ? anyElement() : second;
  // It may be the slow one of three.
  await vi.waitFor(async () => expect(await fleet.token(2).counters.read(ann.person.slot)).toMatchObject({ tried: 2 }));
  const before = await fleet.token(2).counters.read(ann.person.slot);
  const ask = { op: 'answer', ...(await ann.asking(2, element)), element, votes: wanting[which] ?? [] } as const;
  const code = which === 'with a changed byte' ? 'not-signed' : 'not-certified';
  await expect(fleet.service(2).member.ask(ask)).rejects.toMatchObject({ code });
  expect(await fleet.token(2).counters.read(ann.person.slot)).toEqual(before);
  const good = { op: 'answer', ...(await ann.asking(2, second)), element: second, votes: two } as const;
  expect(await fleet.service(2).member.ask(good)).toHaveProperty('signature');
});
