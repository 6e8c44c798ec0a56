import { defineConfig } from 'vitest/config'

// Two workers: the suite starts real databases, chains and indexers, and CI has two cores. What times or floods a whole
// network (`e2e`) runs alone, after everything else.
export default defineConfig({
  test: {
    // Generous: a busy machine takes its time, and a hang is found all the same.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/quorum/flood/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/quorum/flood/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
