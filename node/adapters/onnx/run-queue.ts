import { RuntimeFailure } from './inference-error.ts'

/**
 * One run after another, first come first served, and no more than `maxWaiting` of them. Between two runs the event loop
 * gets its turn.
 */
export class RunQueue {
  readonly #maxWaiting: number
  readonly #onLength: (length: number) => void
  #tail: Promise<unknown> = Promise.resolve()
  #length = 0
  #closed = false

  constructor(options: { maxWaiting: number; onLength: (length: number) => void }) {
    this.#maxWaiting = options.maxWaiting
    this.#onLength = options.onLength
  }

  /** Runs `task` in its turn. Rejects with `RuntimeFailure` when the queue is full or closed. */
  async add<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new RuntimeFailure('inference is not started')
    if (this.#length >= this.#maxWaiting) throw new RuntimeFailure(`${this.#length} runs wait already`)
    this.#grow(1)
    const result = this.#tail.then(() => {
      if (this.#closed) throw new RuntimeFailure('the node is stopping')
      return task()
    })
    this.#tail = result.then(
      () => this.#grow(-1),
      () => this.#grow(-1),
    )
    return result
  }

  /** Rejects what waits, and resolves once the run under way has ended. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#tail
  }

  #grow(by: number): void {
    this.#length += by
    this.#onLength(this.#length)
  }
}
