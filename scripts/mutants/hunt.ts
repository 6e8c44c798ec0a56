import { type Mutant, mutated } from '../../test/quorum/mutants/mutant.ts'
import { historyStage, type Stage, TEST_FILES, takePartInHistories, testStage } from './stages.ts'
import { original, type Workspace } from './workspace.ts'

export interface Result {
  readonly name: string
  readonly killed: boolean
  /** What noticed it; why it can't be said, when the machine is too slow to tell. */
  readonly by: string
  readonly ms: number
}

/** The bug-free sources fail, or hang: nothing that mutants do would mean anything. */
export class BaselineFailure extends Error {}

/** Histories before the unit tests; the others of those that the ordinary tests play come last. */
const FIRST_SEEDS = 25
const ALL_SEEDS = 300
const LEAST_LIMIT_MS = 60_000
/** Without a mutant there is nothing to compare with. */
const SOUND_LIMIT_MS = 1_200_000

/** Runs mutants through the stages, the cheapest first, and knows how long these take without one. */
export class Hunt {
  readonly #sound: Workspace
  readonly #measured = new Map<string, Promise<number>>()
  /** One at a time: two would slow each other down. */
  #queue: Promise<unknown> = Promise.resolve()
  #seedMs = 0
  #testsMs = 0

  /** `sound`: a workspace that stays as it is. */
  constructor(sound: Workspace) {
    this.#sound = sound
  }

  /** The stages without a mutant, and what they took. Rejects with `BaselineFailure` when something fails. */
  async baseline(): Promise<number> {
    const histories = historyStage(1, FIRST_SEEDS)
    this.#seedMs = (await this.#measure(histories)) / FIRST_SEEDS
    this.#testsMs = await this.#measure(testStage(TEST_FILES))
    return this.#seedMs * FIRST_SEEDS + this.#testsMs
  }

  async kill(mutant: Mutant, workspace: Workspace): Promise<Result> {
    const began = performance.now()
    const files = mutated(mutant, original)
    workspace.change(files)
    const { by, killed } = await this.#stages([...files.keys()], workspace.root)
    return { name: mutant.name, killed, by, ms: performance.now() - began }
  }

  async #stages(files: readonly string[], root: string): Promise<Pick<Result, 'killed' | 'by'>> {
    const played = takePartInHistories(files)
    const tests = testStage(files)
    const rest = ALL_SEEDS - FIRST_SEEDS
    const stages: readonly (readonly [Stage, number])[] = [
      ...(played ? [[historyStage(1, FIRST_SEEDS), this.#seedMs * FIRST_SEEDS] as const] : []),
      // Some of the tests take less than all.
      [tests, this.#testsMs],
      ...(played ? [[historyStage(1 + FIRST_SEEDS, rest), this.#seedMs * rest] as const] : []),
    ]
    for (const [stage, expectedMs] of stages) {
      const limitMs = Math.max(LEAST_LIMIT_MS, 5 * expectedMs)
      const { end, by } = await stage.run(root, limitMs)
      if (end === 'passed') continue
      // A hang says something only beside a run without the bug, as slow as the machine is now.
      const soundMs = end === 'hung' ? await this.#measure(stage) : await this.#known(stage)
      if (end === 'failed' || 3 * soundMs <= limitMs) return { killed: true, by }
      return { killed: false, by: `${by}; without the bug it takes ${seconds(soundMs)}, too slow to tell` }
    }
    return { killed: false, by: 'nothing notices it' }
  }

  /** That the stage passes without a bug: all unit tests did, and so did the first histories. */
  async #known(stage: Stage): Promise<number> {
    if (stage.kind === 'tests') return this.#testsMs
    return await (this.#measured.get(stage.key) ?? this.#measure(stage))
  }

  #measure(stage: Stage): Promise<number> {
    const measured = this.#queue.then(async () => {
      const { end, by, ms } = await stage.run(this.#sound.root, SOUND_LIMIT_MS)
      if (end !== 'passed') throw new BaselineFailure(`without any mutant: ${by}`)
      return ms
    })
    this.#queue = measured.catch(() => {})
    this.#measured.set(stage.key, measured)
    return measured
  }
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
