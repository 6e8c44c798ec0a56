import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Minutes each: begun last, one of them would keep a worker busy while the other has nothing left to do. */
const LONGEST = ['scripts/torture/', 'quorum/machine', 'adapters/ponder/builds', 'adapters/ponder/deep-reorg']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      LONGEST.some((part) => moduleId.includes(`/test/${part}`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

// Two workers: the suite starts real databases, chains and indexers, and CI has two cores. What times or floods a whole
// network (`e2e`) runs alone, after everything else.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
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
