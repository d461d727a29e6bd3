/** Custody of a PIN: any m cards give it, fewer tell nothing, and a card that is wrong in any way is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64url } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { cardOf, combineShares, type Entrusted, readCard, readCode, splitPin } from '../../src/custody/shares.ts';

const of: Entrusted = { ceremony: 'spring fleet', token: 'node-1', pin: 'user' };
const newPin = () => toBase64url(systemRandom(18));
const CUSTODIANS = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gus'];
const entrust = (pin: string, count = 5, threshold = 3, what = of) =>
  splitPin(new Secret(pin), what, CUSTODIANS.slice(0, count), threshold, systemRandom);
const malformed = (message: RegExp) => expect.objectContaining({ code: 'malformed', message: expect.stringMatching(message) });

describe('a PIN in custody', () => {
  it('comes back from any m cards, in any order, through what is printed on them', async () => {
    const numbers = fc.integer({ min: 2, max: 7 }).chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 2, max: count })));
    await fc.assert(
      fc.asyncProperty(numbers, fc.infiniteStream(fc.nat()), async ([count, threshold], order) => {
        const pin = newPin();
        const shares = await entrust(pin, count, threshold);
        const shuffled = shares.map((share) => ({ share, at: order.next().value as number })).toSorted((a, b) => a.at - b.at);
        const some = shuffled.slice(0, threshold).map(({ share }) => readCard(cardOf(share).reveal()));
        expect((await combineShares(some)).reveal()).toBe(pin);
      }),
      { numRuns: 40 },
    );
  });

  it('comes back from more cards than are needed', async () => {
    const pin = newPin();
    expect((await combineShares(await entrust(pin))).reveal()).toBe(pin);
  });

  it('does not come back from fewer, even to whoever forges the number on the cards', async () => {
    const two = (await entrust(newPin())).slice(0, 2);
    await expect(combineShares(two)).rejects.toThrow(malformed(/more shares are needed/));
    await expect(combineShares(two.map((share) => ({ ...share, threshold: 2 })))).rejects.toThrow(malformed(/altered/));
  });

  it('leaves no byte of the PIN in fewer shares: every value of a share is as likely as another', async () => {
    // The same first byte, split again and again: over 256 values a share's first byte shows no preference (chi squared, 255 degrees, p < 1e-9).
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < 5120; i += 1) {
      const [share] = await splitPin(new Secret('x'), of, ['Ada', 'Ben'], 2, systemRandom);
      const first = share?.value.reveal()[0] ?? 0;
      counts[first] = (counts[first] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + (count - 20) ** 2 / 20, 0)).toBeLessThan(400);
  });

  it('is never with one custodian alone, nor with one who is named twice', async () => {
    for (const [count, threshold] of [
      [3, 1],
      [1, 1],
      [2, 3],
      [3, 1.5],
    ] as const)
      await expect(entrust(newPin(), count, threshold)).rejects.toThrow(malformed(/custody wants/));
    await expect(splitPin(new Secret('1234'), of, ['Ada', 'Ada'], 2, systemRandom)).rejects.toThrow(malformed(/named twice/));
  });

  it('is refused when a share was altered by someone who makes a good checksum', async () => {
    const [first, ...others] = await entrust(newPin(), 3);
    const value = Uint8Array.from(first!.value.reveal());
    value[12] = (value[12] ?? 0) ^ 1;
    const forged = readCard(cardOf({ ...first!, value: new Secret(value) }).reveal());
    await expect(combineShares([forged, ...others])).rejects.toThrow(malformed(/altered/));
  });

  it('does not mix cards of two tokens, two PINs, two ceremonies or two splittings', async () => {
    const pin = newPin();
    const mine = await entrust(pin);
    const foreign = [
      { what: { ...of, token: 'node-2' }, why: /another ceremony, token or PIN/ },
      { what: { ...of, pin: 'security officer' as const }, why: /another ceremony, token or PIN/ },
      { what: { ...of, ceremony: 'autumn fleet' }, why: /another ceremony, token or PIN/ },
      { what: of, why: /another splitting/ },
    ];
    for (const { what, why } of foreign) {
      const other = await entrust(pin, 5, 3, what);
      await expect(combineShares([...mine.slice(0, 2), other[2]!])).rejects.toThrow(malformed(why));
    }
    await expect(combineShares([mine[0]!, mine[1]!, mine[1]!])).rejects.toThrow(malformed(/twice/));
  });
});

describe('a card', () => {
  it('names what it is of, never the PIN', async () => {
    const pin = newPin();
    const [share] = await entrust(pin);
    const card = cardOf(share!).reveal();
    for (const word of ['spring fleet', 'node-1', 'user', '1 of 5', 'any 3', 'Ada']) expect(card).toContain(word);
    expect(card).not.toContain(pin);
    expect(JSON.stringify(share)).toContain('"value":"[secret]"');
  });

  it('may be typed in capitals and without its spaces', async () => {
    const [share] = await entrust(newPin());
    const code = /Code:([\s\S]*?)Keep/.exec(cardOf(share!).reveal())?.[1] ?? '';
    expect(readCode(code.replace(/\s/g, '').toUpperCase(), of)).toMatchObject({ index: 1, count: 5, threshold: 3, set: share!.set });
    expect(readCode(`hfs1${code}`, of).value.reveal()).toEqual(share!.value.reveal());
  });

  it('shows every single mistyped character, and every two that were exchanged', async () => {
    const [share] = await entrust(newPin());
    const code = /Code:([\s\S]*?)Keep/.exec(cardOf(share!).reveal())![1]!.replace(/\s/g, '');
    for (let at = 0; at < code.length; at += 1) {
      const wrong = `${code.slice(0, at)}${code[at] === 'q' ? 'p' : 'q'}${code.slice(at + 1)}`;
      expect(() => readCode(wrong, of), `character ${at}`).toThrow(malformed(/mistyped/));
      const swapped = `${code.slice(0, at)}${code[at + 1] ?? ''}${code[at]}${code.slice(at + 2)}`;
      if (swapped !== code) expect(() => readCode(swapped, of), `characters ${at}`).toThrow(malformed(/mistyped/));
    }
  });

  it('whose words were changed is refused', async () => {
    const [share] = await entrust(newPin());
    const card = cardOf(share!).reveal();
    expect(() => readCard(card.replace('node-1', 'node-2'))).toThrow(malformed(/another ceremony, token or PIN/));
    expect(() => readCard(card.replace('user', 'security officer'))).toThrow(malformed(/another ceremony, token or PIN/));
    expect(() => readCard('hello')).toThrow(malformed(/no custodian's card/));
  });
});
