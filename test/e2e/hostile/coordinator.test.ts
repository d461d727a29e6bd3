/**
 * Law 6 through the client SDK: whoever carries the messages between a device and honest nodes loses replies, repeats old ones,
 * or puts one node's words in place of all. No guess is refilled, none is lost, and nothing false is believed.
 */
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/base/ports.ts';
import { memoryMemos, PASSCODE, Secret, type VaultClient } from '../../../src/client/index.ts';
import { QUICK } from '../fleet.ts';
import type { Json } from '../raw.ts';
import { fleet, RIGHT, stage, WRONG } from './world.ts';

stage();

/** What becomes of an answer on its way: nothing for one that is lost. The question has arrived in any case. */
type Carry = (operation: string, answer: Json) => Json | undefined;

interface Carried {
  readonly device: VaultClient;
  carry: Carry;
}

const faithful: Carry = (_, answer) => answer;

/** A device of which every message goes through the same hands, whichever node it asks. */
async function carried(user: string, memos = memoryMemos()): Promise<Carried> {
  const hands: { carry: Carry } = { carry: faithful };
  const device = await fleet.device(user, 0, {
    memos,
    fetch: async (url, init) => {
      const response = await fleet.fetch(url, init);
      const answer = hands.carry(url.split('/').at(-1) ?? '', (await response.json()) as Json);
      if (answer === undefined) throw new TypeError('the connection was closed');
      return Response.json(answer, { status: response.status });
    },
  });
  return Object.assign(hands, { device });
}

const losing =
  (lost: string): Carry =>
  (operation, answer) =>
    operation === lost ? undefined : answer;
const deposit = (device: VaultClient, secret = systemRandom(32)) => device.deposit(PASSCODE, new Secret(secret), RIGHT, QUICK);
/** Of every node: the generation in force, guesses counted, guesses confirmed. */
const counted = async (user: string) =>
  (await (await fleet.device(user)).status(PASSCODE)).reports.map(({ generation, tried, cleared }) => [generation, tried, cleared]);
const at3 = (...counts: number[]) => Array(3).fill(counts);

describe('replies that are lost', () => {
  it('make no device deal a passcode anew: what is retried is the same registration, and no guess comes back', async () => {
    const owner = await carried('lost-activation');
    owner.carry = losing('activate');
    await expect(deposit(owner.device)).rejects.toMatchObject({ code: 'no-quorum' });
    const thief = await fleet.device('lost-activation');
    for (let i = 0; i < 4; i += 1) expect(await thief.recover(PASSCODE, WRONG)).toMatchObject({ kind: 'wrong' });
    for (let i = 0; i < 3; i += 1) await expect(deposit(owner.device)).rejects.toMatchObject({ code: 'no-quorum' });
    expect(await counted('lost-activation')).toEqual(at3(1, 4, 0));
    owner.carry = faithful;
    expect(await deposit(owner.device)).toMatchObject({ kind: 'deposited', generation: 1 });
    expect(await counted('lost-activation')).toEqual(at3(1, 4, 0));
  }, 120_000);

  it('of a guess cost none: the same passcode goes on with the same number', async () => {
    const owner = await carried('lost-answer');
    const key = systemRandom(32);
    await deposit(owner.device, key);
    owner.carry = losing('attempt');
    for (let i = 0; i < 3; i += 1) await expect(owner.device.recover(PASSCODE, RIGHT)).rejects.toMatchObject({ code: 'no-quorum' });
    expect(await counted('lost-answer')).toEqual(at3(1, 1, 0));
    owner.carry = faithful;
    const recovered = await owner.device.recover(PASSCODE, RIGHT);
    expect(recovered.kind === 'opened' && recovered.opened.secret).toEqual(key);
    expect(await counted('lost-answer')).toEqual(at3(1, 1, 1));
  }, 120_000);

  it('of a confirmation refill nothing twice', async () => {
    const owner = await carried('lost-confirmation');
    await deposit(owner.device);
    owner.carry = losing('confirm');
    expect(await owner.device.recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'opened', confirmed: false });
    const thief = await fleet.device('lost-confirmation');
    for (let i = 0; i < 2; i += 1) expect(await thief.recover(PASSCODE, WRONG)).toMatchObject({ kind: 'wrong' });
    owner.carry = faithful;
    expect(await owner.device.push(PASSCODE)).toBe(true);
    expect(await counted('lost-confirmation')).toEqual(at3(1, 3, 1));
  }, 120_000);
});

describe('a reply', () => {
  it('of before is not one of now: statuses and answers are for one nonce', async () => {
    const owner = await carried('old-replies');
    await deposit(owner.device);
    const old = new Map<string, Json>();
    owner.carry = (operation, answer) => {
      if (!old.has(operation)) old.set(operation, answer);
      return answer;
    };
    expect(await owner.device.recover(PASSCODE, WRONG)).toMatchObject({ kind: 'wrong' });
    expect(old.has('status') && old.has('attempt')).toBe(true);
    const before = await counted('old-replies');
    for (const repeated of ['status', 'attempt']) {
      owner.carry = (operation, answer) => (operation === repeated ? old.get(repeated) : answer);
      const outcome = await owner.device.recover(PASSCODE, RIGHT).catch(({ code }: { code: string }) => ({ kind: code }));
      expect(['no-quorum', 'unfinished']).toContain(outcome.kind);
    }
    // The second was counted once; its true answer is had under the same number.
    expect(await counted('old-replies')).toEqual(before.map(([generation, tried = 0, cleared]) => [generation, tried + 1, cleared]));
    owner.carry = faithful;
    expect(await owner.device.recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'opened' });
  }, 120_000);

  it('of one node in place of all is one: a status, votes, acknowledgements, answers, refusals', async () => {
    const owner = await carried('one-voice');
    const one: Carry = (_, answer) => {
      const thrice = (said: unknown) => ((said as Json[])[0] === undefined ? [] : Array(3).fill((said as Json[])[0]));
      return { ...answer, said: thrice(answer['said']), refused: thrice(answer['refused']) };
    };
    const onlyFor =
      (spoilt: string): Carry =>
      (operation, answer) =>
        operation === spoilt ? one(operation, answer) : answer;
    owner.carry = onlyFor('status');
    await expect(owner.device.status(PASSCODE)).rejects.toMatchObject({ code: 'no-quorum' });
    for (const step of ['register', 'activate']) {
      owner.carry = onlyFor(step);
      expect(await deposit(owner.device)).toMatchObject({ kind: 'unfinished' });
    }
    owner.carry = faithful;
    expect(await deposit(owner.device)).toMatchObject({ kind: 'deposited', generation: 1 });
    owner.carry = onlyFor('attempt');
    expect(await owner.device.recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'unfinished' });
    owner.carry = onlyFor('confirm');
    expect(await owner.device.recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'opened', confirmed: false });
    owner.carry = faithful;
    expect(await owner.device.push(PASSCODE)).toBe(true);
    expect(await counted('one-voice')).toEqual(at3(1, 1, 1));
    // One node's word that a number is used up, thrice: it is given up no more often than for one node.
    const taken = await fleet.device('one-voice');
    owner.carry = (operation, answer) => (operation === 'attempt' ? undefined : answer);
    await expect(owner.device.recover(PASSCODE, RIGHT)).rejects.toMatchObject({ code: 'no-quorum' });
    for (let i = 0; i < 2; i += 1) expect(await taken.recover(PASSCODE, WRONG)).toMatchObject({ kind: 'wrong' });
    owner.carry = onlyFor('attempt');
    expect(await owner.device.recover(PASSCODE, RIGHT)).toMatchObject({ kind: 'unfinished' });
  }, 120_000);

  it('in another node’s name, or about another person, is none', async () => {
    const [owner, other] = [await carried('names'), await carried('others')];
    await deposit(owner.device);
    await deposit(other.device);
    let ofOther: Json = {};
    other.carry = (operation, answer) => {
      if (operation === 'status') ofOther = answer;
      return answer;
    };
    await other.device.status(PASSCODE);
    owner.carry = () => ofOther;
    await expect(owner.device.status(PASSCODE)).rejects.toMatchObject({ code: 'no-quorum' });
    owner.carry = (_, { said, ...rest }) => {
      const all = said as { node: string; signed: unknown }[];
      return { ...rest, said: all.map((one, i) => ({ ...one, node: all[(i + 1) % all.length]?.node })) };
    };
    await expect(owner.device.status(PASSCODE)).rejects.toMatchObject({ code: 'no-quorum' });
  }, 120_000);
});
