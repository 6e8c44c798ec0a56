interface Waiting<In, Out> {
  readonly item: In
  readonly key: string
  readonly resolve: (value: Out) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: what is submitted while one group is being worked on goes together in the next. Two items with one
 * key never share a group and keep their order.
 */
export class Grouper<In, Out> {
  readonly #keyOf: (item: In) => string
  readonly #maxGroup: number
  readonly #run: (group: readonly In[]) => Promise<readonly (Out | Error)[]>
  #queue: Waiting<In, Out>[] = []
  #running = false

  /** @param options.run gets distinct keys, answers in the same order; an Error in the answer rejects that item alone */
  constructor(options: {
    keyOf: (item: In) => string
    maxGroup: number
    run: (group: readonly In[]) => Promise<readonly (Out | Error)[]>
  }) {
    this.#keyOf = options.keyOf
    this.#maxGroup = options.maxGroup
    this.#run = options.run
  }

  submit(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, key: this.#keyOf(item), resolve, reject })
      if (this.#running) return
      this.#running = true
      // One turn later: what the caller submits in the same breath shares the first group.
      queueMicrotask(() => void this.#drain())
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup()
      try {
        const results = await this.#run(group.map(({ item }) => item))
        for (const [i, waiting] of group.entries()) {
          const result = results[i] as Out | Error
          if (result instanceof Error) waiting.reject(result)
          else waiting.resolve(result)
        }
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#running = false
  }

  #nextGroup(): Waiting<In, Out>[] {
    const keys = new Set<string>()
    const group: Waiting<In, Out>[] = []
    const rest: Waiting<In, Out>[] = []
    for (const waiting of this.#queue) {
      if (group.length < this.#maxGroup && !keys.has(waiting.key)) {
        keys.add(waiting.key)
        group.push(waiting)
      } else {
        keys.add(waiting.key)
        rest.push(waiting)
      }
    }
    this.#queue = rest
    return group
  }
}
