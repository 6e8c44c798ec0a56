import { GraphqlFault } from './errors.ts'

/** Lets so many work at once; others wait in a row that has an end. */
export class Slots {
  readonly #running: number
  readonly #waiting: number
  #taken = 0
  readonly #row: (() => void)[] = []

  constructor(options: { readonly running: number; readonly waiting: number }) {
    this.#running = options.running
    this.#waiting = options.waiting
  }

  /** Rejects with `GRAPHQL_BUSY` (retry) where too many wait, and as `work`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#running) await this.#turn()
    else this.#taken++
    try {
      return await work()
    } finally {
      // Who waited takes the place of who ends.
      const next = this.#row.shift()
      if (next === undefined) this.#taken--
      else next()
    }
  }

  async #turn(): Promise<void> {
    if (this.#row.length >= this.#waiting)
      throw new GraphqlFault(
        'GRAPHQL_BUSY',
        'Too many requests wait already. Try again in a few seconds.',
        true,
      )
    await new Promise<void>((resolve) => this.#row.push(resolve))
  }
}
