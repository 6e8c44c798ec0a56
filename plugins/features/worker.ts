import type { Clock, Timer } from '../../node/ports/clock.ts'
import type { Inference } from '../../node/ports/inference.ts'
import type { Logger } from '../../node/ports/log.ts'
import type { Store } from '../../node/ports/store.ts'
import type { FeaturedTransfer } from './api.ts'
import { computePage, PAGE } from './compute.ts'
import type { Told } from './instruments.ts'
import { prune } from './prune.ts'
import { SCORED_AT_ONCE, scorePage } from './score.ts'

const RETRY_MS = 2_000
const PRUNE_MS = 60_000
/** After so many transfers the planner is told what is in the table: on its own the server may take minutes, with slow plans. */
const ANALYSE_AFTER = 1_000

interface WorkerOptions {
  /** What scores; nothing where it is null. */
  readonly model: string | null
  readonly retentionDays: number
}

interface WorkerModules {
  readonly store: Store
  readonly inference: Inference
  readonly clock: Clock
  readonly log: Logger
  readonly told: Told
  /** Told of what was scored, after it was saved. */
  readonly onScored: (transfers: readonly FeaturedTransfer[]) => void
}

/**
 * Makes features, then scores, of what was taken in, a page of one token after another. What is to do stands in the
 * database, so that a restart goes on where it was.
 */
export class Worker {
  readonly #options: WorkerOptions
  readonly #modules: WorkerModules
  /** Tokens with something to do, in the order of their turns. */
  readonly #due = new Set<number>()
  /** Those whose turn failed. */
  readonly #later = new Set<number>()
  readonly #prunedAt = new Map<number, number>()
  #computed = 0
  #timer: Timer | null = null
  #stopped = false
  #loop: Promise<void> | null = null
  #wake = () => {}
  #trouble: string | null = null

  constructor(options: WorkerOptions, modules: WorkerModules) {
    this.#options = options
    this.#modules = modules
  }

  /** Begins with every token: any may have been left in the middle. Rejects with `StoreError`. */
  async start(): Promise<void> {
    const tokens = await this.#modules.store.query({ sql: 'select id from token order by id' })
    for (const { id } of tokens) this.#due.add(Number(id))
    this.#loop = this.#run()
  }

  /** Something of this token changed. */
  touch(tokenId: number): void {
    this.#due.add(tokenId)
    this.#wake()
  }

  /** Resolves once the page under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#wake()
    await this.#loop
  }

  /** Why features or scores are late; null when they are not. */
  trouble(): string | null {
    return this.#trouble
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const [tokenId] = this.#due
      if (tokenId === undefined) {
        await new Promise<void>((wake) => {
          this.#wake = wake
        })
        continue
      }
      // Before its turn: what comes meanwhile makes it due again.
      this.#due.delete(tokenId)
      try {
        if (await this.#turn(tokenId)) this.#due.add(tokenId)
        if (this.#trouble !== null) this.#modules.log.info({}, 'Make features and scores again')
        this.#trouble = null
      } catch (error) {
        this.#postpone(tokenId, error)
      }
    }
  }

  /** One page. Tells whether there is more. */
  async #turn(tokenId: number): Promise<boolean> {
    const { store, inference, told, onScored } = this.#modules
    const { model } = this.#options
    const computed = await computePage(store, tokenId)
    told.computed(computed)
    await this.#analyse(computed)
    if (computed === PAGE) return true
    // Before scores: what is old goes, also while a model does not answer.
    await this.#prune(tokenId)
    if (model !== null) {
      const scored = await scorePage({ tokenId, model }, { store, inference })
      told.scored(scored.length)
      onScored(scored)
      if (scored.length === SCORED_AT_ONCE) return true
    }
    return false
  }

  async #analyse(computed: number): Promise<void> {
    const before = this.#computed
    this.#computed += computed
    if (before < ANALYSE_AFTER && this.#computed >= ANALYSE_AFTER)
      await this.#modules.store.query({ sql: 'analyze transfer' })
  }

  async #prune(tokenId: number): Promise<void> {
    const { store, clock, told } = this.#modules
    const now = clock.monotonic()
    if (now - (this.#prunedAt.get(tokenId) ?? -PRUNE_MS) < PRUNE_MS) return
    this.#prunedAt.set(tokenId, now)
    told.pruned(await prune(store, tokenId, this.#options.retentionDays))
  }

  #postpone(tokenId: number, error: unknown): void {
    const { clock, log } = this.#modules
    if (this.#trouble === null) log.warn({ err: error }, 'Fail to make features or scores, keep trying')
    this.#trouble = error instanceof Error ? error.message : String(error)
    this.#later.add(tokenId)
    this.#timer ??= clock.setTimer(RETRY_MS, () => {
      this.#timer = null
      for (const id of this.#later) this.#due.add(id)
      this.#later.clear()
      this.#wake()
    })
  }
}
