/**
 * Time and its order: a queue of events, one after the other. All chance comes from one seed and no clock is read, so the
 * same seed is the same story, event by event.
 */
import { Chance } from './random.ts';
import { Story } from './story.ts';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** 15 January 2027: every expiry and waiting time counts from here. */
export const START_MS = 1_800_000_000_000;

/** No schedule needs so many; a loop that feeds itself does. */
const EVENTS_MAX = 400_000;

export class World {
  readonly chance: Chance;
  readonly story: Story;
  now = START_MS;
  #heap: Event[] = [];
  #order = 0;

  constructor(seed: number, told: boolean) {
    this.chance = new Chance(seed);
    this.story = new Story(told, () => this.now - START_MS);
  }

  after(delayMs: number, run: () => void): void {
    this.#push({ at: this.now + delayMs, order: this.#order++, run });
    if (this.#order > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events: something feeds itself`);
  }

  /** Runs what is due until `untilMs`, and lets the time be that. */
  run(untilMs: number): void {
    for (let event = this.#heap[0]; event !== undefined && event.at <= untilMs; event = this.#heap[0]) {
      this.#pop();
      this.now = event.at;
      event.run();
    }
    this.now = untilMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!earlier(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
