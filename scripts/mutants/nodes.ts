/** What a node must not do around the protocol. */
import { mutants } from './mutant.ts';

export const ofNodes = [
  ...mutants(
    'src/node/tasks/catch-up.ts',
    [
      ['skips slots that were busy', 'aside.set(slot, Math.min(cursor, aside.get(slot) ?? cursor));', ''],
      ['reads a barren feed as fast as a good one', 'barren = good ? 0 : Math.min(barren + 1, DOUBLINGS_MAX);', 'barren = good ? 0 : 0;'],
      ['keeps its place in a feed that began anew', 'if (head < cursor) {', 'if (head < 0) {'],
      ['lets one refused proof end the page', "return 'refused';", 'throw error;'],
      ['keeps a place beyond what was set aside', 'Math.min(cursor, ...[...aside.values()].map((at) => at - 1))', 'cursor'],
    ],
    ['test/node/catch-up.test.ts'],
  ),
  ...mutants(
    'src/node/coordinator-side.ts',
    [['counts nonsense as what is told of an account', 'if (counts(outcome as T, node)) counted += 1;', 'counted += 1;']],
    ['test/node/misuse.test.ts'],
  ),
  ...mutants(
    'src/node/tasks/loop.ts',
    [
      [
        'stops for good when a turn fails',
        'if (!stopped.signal.aborted) failed(error);',
        'if (!stopped.signal.aborted) failed(error);\n        return;',
      ],
      [
        'forgets a call during a turn',
        'if (!woken && !stopped.signal.aborted) await pause(pauseMs);',
        'if (!stopped.signal.aborted) await pause(pauseMs);',
      ],
    ],
    ['test/node/loop.test.ts'],
  ),
  ...mutants(
    'src/node/drive.ts',
    [['believes a record in the row of another slot', 'if (registration.slot !== slot) throw', "if (registration.slot === '') throw"]],
    ['test/node/disk.test.ts', 'test/node/rollback.test.ts'],
  ),
  ...mutants(
    'src/node/tasks/rejoin.ts',
    [
      ['votes before anybody vouched', "if (verdict.kind === 'rejoined') {", "if (verdict.kind !== 'rolled-back') {"],
      ['forgets that its token was rolled back', '      await token.counters.quarantine();\n', ''],
    ],
    ['test/node/rollback.test.ts'],
  ),
  ...mutants(
    'src/node/last-counted.ts',
    [['does not wait after a start', 'this.#atMs.get(slot) ?? this.#beganMs', 'this.#atMs.get(slot) ?? 0']],
    ['test/node/last-counted.test.ts', 'test/node/delays.test.ts'],
  ),
  ...mutants(
    'src/node/slot-locks.ts',
    [
      ['locks slots in any order', '[...new Set(slots)].sort()', '[...new Set(slots)]'],
      ['keeps a slot whose work failed', 'for (const slot of held) this.#release(slot);', ''],
    ],
    ['test/node/slot-locks.test.ts'],
  ),
];
