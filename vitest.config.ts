import { defineConfig } from 'vitest/config';

// Unit tests stand beside the code they test; test/ holds whole-product tests that start real servers.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'], testTimeout: 10_000 } },
      {
        test: {
          name: 'product',
          include: ['test/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
