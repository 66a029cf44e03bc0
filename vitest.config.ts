import { defineConfig } from 'vitest/config';

// Unit tests stand beside the code they test; test/ holds whole-product tests that start real servers.
export default defineConfig({
  test: {
    // The rules of a task are pure, so there is no excuse for a branch that no test takes.
    coverage: { provider: 'v8', include: ['src/task/**/*.ts'], reporter: ['text'], thresholds: { branches: 100 } },
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'], testTimeout: 10_000 } },
      {
        oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
        test: { name: 'console', include: ['console/src/**/*.test.ts'], setupFiles: ['console/src/browser-stubs.ts'] },
      },
      {
        test: {
          name: 'product',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**'],
          setupFiles: ['test/lab/conforming-fetch.ts'],
          globalSetup: ['test/lab/shared-servers.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // They wait more than they work: peers fail at their own pace.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // Each of them is several machines in one.
          maxWorkers: 2,
        },
      },
    ],
  },
});
