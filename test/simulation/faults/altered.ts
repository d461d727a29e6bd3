/** A machine that does not quite do what it was written to do: some effects are changed, left out, or answered otherwise. */
import type { Effect, Machine } from '../../../src/quorum/effects.ts';

/** `instead`: not performed, this is its result. `perform`: this one is performed in its place. `turns`: what becomes of the result. */
export type Change = { readonly instead: unknown } | { readonly perform?: Effect; readonly turns?: (result: never) => unknown };

export function* altered<T>(machine: Machine<T>, change: (effect: Effect) => Change | undefined): Machine<T> {
  let step = machine.next();
  while (!step.done) {
    const changed = change(step.value) ?? {};
    if ('instead' in changed) {
      step = machine.next(changed.instead);
      continue;
    }
    const { perform = step.value, turns = (result: never) => result } = changed;
    const result: unknown = yield perform;
    step = machine.next(turns(result as never));
  }
  return step.value;
}
