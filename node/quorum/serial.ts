/** Runs asynchronous tasks one after the other, in order; a bounded queue that tells when it had to let one go. */
export class SerialQueue {
  readonly #limit: number
  readonly #tasks: (() => Promise<void>)[] = []
  #running: Promise<void> | null = null

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Tasks must not reject. False: the queue is full, and this task was not taken. */
  add(task: () => Promise<void>): boolean {
    if (this.#tasks.length >= this.#limit) return false
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
