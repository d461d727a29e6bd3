/** One node's hellos are bounded, and take nothing from another's. */
import { expect, test } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { limitHellos } from '../../src/web/hello-limit.ts';

const [one, two] = ['1', '2'].map((digit) => digit.repeat(64) as Id) as [Id, Id];

test('a node says hello a few times at once, then twice a second, however often it tries; others are not held up', () => {
  let now = 0;
  const mayGreet = limitHellos(() => now);
  const taken = (node: Id, tries: number) =>
    Array.from({ length: tries }).filter(() => {
      try {
        mayGreet(node);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate-limited' });
        return false;
      }
    }).length;
  expect(taken(one, 1000)).toBe(8);
  expect(taken(two, 1)).toBe(1);
  now += 1000;
  expect(taken(one, 1000)).toBe(2);
  now += 3_600_000;
  expect(taken(one, 1000)).toBe(8);
});
