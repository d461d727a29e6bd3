/**
 * Custodians at the desk of a program that waits for a PIN: what gives the PIN, and what is refused by name. Nothing is tried on
 * a token here, and that is the point: what comes out is the PIN that was split, or nothing.
 */
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { type Desk, openDesk } from '../../src/custody/desk.ts';
import { Gathering } from '../../src/custody/gathering.ts';
import { cardOf, type Entrusted, type Share, splitPin } from '../../src/custody/shares.ts';
import type { DeskState } from '../../src/custody/speech.ts';
import { askDesk, giveShare } from '../../src/custody/visit.ts';

const PIN = 'correct-horse-battery';
const of: Entrusted = { ceremony: 'first-fleet-2026', token: 'node-1', pin: 'user' };
const people = ['Ada', 'Grace', 'Hedy'];
const split = (what: Entrusted = of, pin = PIN) => splitPin(new Secret(pin), what, people, 2, systemRandom);

let folder: string;
let socket: string;
let desk: Desk;
let shares: Share[];
let heard: { state: DeskState; refused: string | undefined }[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-desk-'));
  socket = join(folder, 'custodians');
  heard = [];
  shares = await split();
  desk = await openDesk(socket, new Gathering(of), (state, refused) => heard.push({ state, refused: refused?.message }));
});
afterEach(async () => {
  await desk.close();
  rmSync(folder, { recursive: true });
});

const give = (share: Share) => giveShare(socket, cardOf(share));
const code = (share: Share) => new Secret(/^Code:([\s\S]*?)^Keep /m.exec(cardOf(share).reveal())![1]!);
const refused = (message: RegExp) => expect.objectContaining({ code: 'malformed', message: expect.stringMatching(message) });

test('any two of three give the PIN, one by its card and one by its code as it is typed; the desk says how far it is', async () => {
  expect(await askDesk(socket)).toMatchObject({ token: 'node-1', ceremony: 'first-fleet-2026', given: [], needed: 0 });
  expect(await give(shares[2]!)).toMatchObject({ given: [{ index: 3, custodian: 'Hedy' }], needed: 2 });
  expect(await askDesk(socket)).toMatchObject({ given: [{ index: 3, custodian: 'Hedy' }], needed: 2 });
  await giveShare(socket, code(shares[0]!));
  expect((await desk.pin).reveal()).toBe(PIN);
});

test('the socket is for its user only, and is gone when the desk is closed', async () => {
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  await desk.close();
  expect(existsSync(socket)).toBe(false);
  await expect(give(shares[0]!)).rejects.toThrow(expect.objectContaining({ code: 'not-found' }));
});

describe('refused by name, and the others count on', () => {
  test.each<[string, RegExp, () => Promise<Secret<string>>]>([
    ['a share twice', /share 1 of 3 was given already/, async () => cardOf(shares[0]!)],
    ['a share of another token', /this card is of another token/, async () => cardOf((await split({ ...of, token: 'node-2' }))[1]!)],
    ['its code alone', /this code is of another ceremony, token or PIN/, async () => code((await split({ ...of, token: 'node-2' }))[1]!)],
    [
      "a share of the officer's PIN",
      /this card is of another pin/,
      async () => cardOf((await split({ ...of, pin: 'security officer' }))[1]!),
    ],
    [
      'a share of another ceremony',
      /this card is of another ceremony/,
      async () => cardOf((await split({ ...of, ceremony: 'other' }))[1]!),
    ],
    [
      'a mistyped code',
      /mistyped/,
      async () =>
        new Secret(
          code(shares[1]!)
            .reveal()
            .replace(/[ac]/, (letter) => (letter === 'a' ? 'c' : 'a')),
        ),
    ],
    ['something else', /mistyped/, async () => new Secret('123456')],
    ['no card', /no custodian's card/, async () => new Secret('Code: 123')],
  ])('%s', async (_, why, wrong) => {
    await give(shares[0]!);
    await expect(giveShare(socket, await wrong())).rejects.toThrow(refused(why));
    expect(heard.at(-1)).toMatchObject({
      refused: expect.stringMatching(why),
      state: { given: [{ index: 1, custodian: 'Ada' }], needed: 2 },
    });
    await give(shares[1]!);
    expect((await desk.pin).reveal()).toBe(PIN);
  });

  test('a card of an earlier splitting, given first, does not keep the right ones out', async () => {
    const [old] = await split();
    await give(old!);
    await give(shares[0]!);
    await give(shares[1]!);
    expect((await desk.pin).reveal()).toBe(PIN);
  });

  test('a share that was altered: no PIN comes of it, all of its splitting must be given again', async () => {
    const altered = { ...shares[1]!, value: new Secret(shares[1]!.value.reveal().map((byte, i) => (i === 0 ? byte ^ 1 : byte))) };
    await give(shares[0]!);
    await expect(give(altered)).rejects.toThrow(refused(/do not give the PIN: one was altered. All of them must be given again/));
    expect(await askDesk(socket)).toMatchObject({ given: [], needed: 0 });
    await give(shares[0]!);
    await give(shares[2]!);
    expect((await desk.pin).reveal()).toBe(PIN);
  });

  test('shares of very many splittings', async () => {
    for (let i = 0; i < 8; i += 1) await give((await split())[0]!);
    await expect(give(shares[0]!)).rejects.toThrow(refused(/too many splittings/));
  });

  test('what is not said as documented, or has no end; and nothing of it is repeated', async () => {
    const say = (text: string) =>
      new Promise<string>((resolve) => {
        let answer = '';
        const visitor = connect(socket).on('data', (chunk) => {
          answer += chunk;
        });
        visitor.on('close', () => resolve(answer)).on('error', () => undefined);
        visitor.write(text);
      });
    expect(await say('{"share":7}\n')).toContain('expected what holdfast/custody/v1 says');
    expect(await say('my secret\n')).not.toContain('my secret');
    expect((await say('x'.repeat(10_000))).split('\n')).toHaveLength(2);
    await give(shares[0]!);
  });
});

test('nobody else may write to the folder of the socket: neither end trusts it then', async () => {
  chmodSync(folder, 0o777);
  await expect(give(shares[0]!)).rejects.toThrow(expect.objectContaining({ code: 'not-allowed' }));
  await expect(openDesk(join(folder, 'second'), new Gathering(of), () => undefined)).rejects.toThrow(/nobody else may write to it/);
  chmodSync(folder, 0o700);
});

test('a socket that a killed program left is replaced; one that answers, and a file, are not', async () => {
  await expect(openDesk(socket, new Gathering(of), () => undefined)).rejects.toThrow(/another program waits/);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(openDesk(file, new Gathering(of), () => undefined)).rejects.toThrow(/it is no socket/);
});

test('a desk of a later version is not given a share', async () => {
  const later = join(folder, 'later');
  let received = '';
  const server = createServer((visitor) => {
    visitor.on('data', (chunk) => {
      received += chunk;
    });
    visitor.on('error', () => undefined);
    visitor.write('{"type":"holdfast/custody/v2","ceremony":"","token":"","given":[],"needed":0}\n');
  });
  await new Promise<void>((resolve) => server.listen(later, resolve));
  await expect(giveShare(later, cardOf(shares[0]!))).rejects.toThrow(refused(/is the other end of another version/));
  expect(received).toBe('');
  await new Promise((resolve) => server.close(resolve));
});
