import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^swarmchart$/, replacement: source('index.ts') },
      { find: /^swarmchart\/machines$/, replacement: source('machines/machines.ts') },
      { find: /^swarmchart\/inspect$/, replacement: source('inspect/inspect.ts') },
      { find: /^swarmchart\/testing$/, replacement: source('testing/testing.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: tests of signals, child processes and working folders need a process of their own.
    pool: 'forks',
    maxWorkers: 2,
    // Catches what hangs; a busy machine may be several times slower than a quiet one.
    testTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
