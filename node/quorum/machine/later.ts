import type { Message } from '../messages.ts'

interface Kept {
  readonly message: Message
  readonly size: number
}

/** Per peer. One that is a little behind needs a handful; anybody further behind catches up by certificate. */
export const LATER_LIMITS = { messages: 32, bytes: 4 * 1024 * 1024 } as const

/** Messages that come before this node is ready for them, bounded per peer; the oldest of that peer go first. */
export class LaterMessages {
  readonly #kept: Kept[][]

  constructor(n: number) {
    this.#kept = Array.from({ length: n }, () => [])
  }

  /** False when something had to go to make room. */
  add(from: number, message: Message, size: number): boolean {
    const kept = this.#kept[from]
    if (kept === undefined || size > LATER_LIMITS.bytes) return false
    kept.push({ message, size })
    let bytes = kept.reduce((sum, each) => sum + each.size, 0)
    let whole = true
    while (kept.length > LATER_LIMITS.messages || bytes > LATER_LIMITS.bytes) {
      bytes -= kept.shift()?.size ?? 0
      whole = false
    }
    return whole
  }

  /** Removes and returns what `isDue` accepts, in order of arrival per peer; forgets what `isStale` accepts. */
  take(
    isDue: (message: Message) => boolean,
    isStale: (message: Message) => boolean,
  ): { readonly from: number; readonly message: Message; readonly size: number }[] {
    const out: { from: number; message: Message; size: number }[] = []
    this.#kept.forEach((kept, from) => {
      if (kept.length === 0) return
      const rest: Kept[] = []
      for (const each of kept) {
        if (isStale(each.message)) continue
        if (isDue(each.message)) out.push({ from, ...each })
        else rest.push(each)
      }
      this.#kept[from] = rest
    })
    return out
  }

  /** Messages held, for tests and metrics. */
  get size(): number {
    return this.#kept.reduce((sum, kept) => sum + kept.length, 0)
  }
}
