interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Virtual time: events in the order of their time, those of one instant in the order in which they were asked for. */
export class Schedule {
  now = 0
  /** Events that have run. */
  steps = 0
  #order = 0
  readonly #heap: Event[] = []

  at(delayMs: number, run: () => void): void {
    const event = { at: this.now + delayMs, order: this.#order++, run }
    const heap = this.#heap
    heap.push(event)
    let i = heap.length - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(heap[i], heap[parent])) break
      ;[heap[i], heap[parent]] = [heap[parent] as Event, heap[i] as Event]
      i = parent
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    heap[0] = last
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      let least = i
      if (left < heap.length && before(heap[left], heap[least])) least = left
      if (right < heap.length && before(heap[right], heap[least])) least = right
      if (least === i) return top
      ;[heap[i], heap[least]] = [heap[least] as Event, heap[i] as Event]
      i = least
    }
  }

  /** Runs until `done` or until the virtual deadline; true when `done`. */
  run(untilMs: number, done: () => boolean = () => false): boolean {
    while (!done()) {
      const next = this.#heap[0]
      if (next === undefined || next.at > untilMs) {
        this.now = Math.max(this.now, untilMs)
        return done()
      }
      this.#pop()
      this.now = next.at
      this.steps++
      next.run()
    }
    return true
  }
}

function before(a: Event | undefined, b: Event | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
