/**
 * Runs asynchronous tasks one after the other, in order; bounded. A full queue takes no more, or, given `onDropped`, lets
 * its oldest waiting task go for the new one and tells.
 */
export class SerialQueue {
  readonly #limit: number
  readonly #onDropped: (() => void) | null
  readonly #tasks: (() => Promise<void>)[] = []
  #running: Promise<void> | null = null

  constructor(limit: number, onDropped: (() => void) | null = null) {
    this.#limit = limit
    this.#onDropped = onDropped
  }

  /** Tasks must not reject. False: the queue is full, and this task was not taken. */
  add(task: () => Promise<void>): boolean {
    if (this.#tasks.length >= this.#limit) {
      if (this.#onDropped === null) return false
      this.#tasks.shift()
      this.#onDropped()
    }
    this.#tasks.push(task)
    this.#running ??= this.#run()
    return true
  }

  /** Resolves when all that was added is done. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  async #run(): Promise<void> {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) await task()
    this.#running = null
  }
}
