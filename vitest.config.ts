import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const long = process.env['HOLDFAST_LONG'] === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Worker threads of one process share one loaded PKCS#11 module, and with it SoftHSM's one configuration: every test
    // file needs a process of its own.
    pool: 'forks',
    isolate: true,
    fileParallelism: true,
    // Left to itself it keeps one core free: most tests wait for programs that they started.
    maxWorkers: availableParallelism(),
    passWithNoTests: false,
    testTimeout: long ? 1_800_000 : 60_000,
    hookTimeout: 60_000,
  },
});
