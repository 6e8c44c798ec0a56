/** What was opened, closed in reverse order: to the end, also when a part fails, and in bounded time. */
export class Teardown {
  readonly #parts: { readonly name: string; readonly close: () => unknown }[] = []

  add(name: string, close: () => unknown): void {
    this.#parts.push({ name, close })
  }

  get empty(): boolean {
    return this.#parts.length === 0
  }

  /** Each part gets what is left of the time, at least half a second. */
  async run(options: { timeoutMs: number; onFault: (name: string, error: unknown) => void }): Promise<void> {
    const deadline = performance.now() + options.timeoutMs
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      const { name, close } = part
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(
        () => late.reject(new Error('took too long')),
        Math.max(500, deadline - performance.now()),
      )
      try {
        await Promise.race([close(), late.promise])
      } catch (error) {
        options.onFault(name, error)
      } finally {
        clearTimeout(timer)
      }
    }
  }
}
