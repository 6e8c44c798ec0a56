/**
 * Joins calls of one key: the first runs, later ones share its promise. A rejected one is forgotten; fulfilled ones
 * are kept up to a bound, the least recently used forgotten first. Those in flight are always kept.
 */
export class KeyMemory<T> {
  readonly #limit: number
  readonly #pending = new Map<string, Promise<T>>()
  readonly #done = new Map<string, Promise<T>>()

  constructor(options: { readonly limit: number }) {
    this.#limit = options.limit
  }

  join(key: string, run: () => Promise<T>): Promise<T> {
    const pending = this.#pending.get(key)
    if (pending !== undefined) return pending
    const done = this.#done.get(key)
    if (done !== undefined) {
      this.#done.delete(key)
      this.#done.set(key, done)
      return done
    }
    const started = run()
    this.#pending.set(key, started)
    started.then(
      () => {
        this.#pending.delete(key)
        this.#done.set(key, started)
        const oldest = this.#done.keys().next()
        if (this.#done.size > this.#limit && oldest.done !== true) this.#done.delete(oldest.value)
      },
      () => this.#pending.delete(key),
    )
    return started
  }
}
