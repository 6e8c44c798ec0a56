/** Turns at the event loop, one after the other for all requests together: between two of them everything else gets its own. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves when it is this one's turn. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => void setImmediate(resolve)))
    return this.#last
  }
}
