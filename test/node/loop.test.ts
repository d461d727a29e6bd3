import { expect, test } from 'vitest';
import { startLoop } from '../../src/node/tasks/loop.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('turns come one after the other, until one says that it was the last', async () => {
  let turns = 0;
  const loop = startLoop(
    async () => (++turns < 3 ? 1 : undefined),
    () => expect.fail(),
    1,
  );
  await pause(60);
  expect(turns).toBe(3);
  await loop.stop();
});

test('waking cuts the pause short, and during a turn brings another one', async () => {
  let turns = 0;
  const loop = startLoop(
    async () => {
      turns += 1;
      await pause(10);
      return 60_000;
    },
    () => expect.fail(),
    1,
  );
  loop.wake();
  await pause(60);
  expect(turns).toBe(2);
  loop.wake();
  await pause(30);
  expect(turns).toBe(3);
  await loop.stop();
});

test('a turn that fails is told and tried again; stopping waits for the turn at work', async () => {
  const told: unknown[] = [];
  let ended = false;
  const loop = startLoop(
    async (stop) => {
      if (told.length < 2) throw new Error('broken');
      await new Promise((resolve) => stop.addEventListener('abort', resolve));
      await pause(10);
      ended = true;
      return 0;
    },
    (error) => told.push(error),
    1,
  );
  await pause(60);
  expect(told).toHaveLength(2);
  await loop.stop();
  expect(ended).toBe(true);
});
