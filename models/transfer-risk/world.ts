import type { Transfer } from '../../node/features/transfer.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { Random } from '../tools/random.ts'

/** 0 is honest; the others are the planted patterns. The order is that of the labels in files. */
export const PATTERNS = ['honest', 'layering', 'peel-chain', 'wash-trading', 'dusting'] as const
export type Pattern = (typeof PATTERNS)[number]

export interface LabelledTransfer {
  readonly transfer: Transfer
  readonly pattern: Pattern
}

export const MINUTE = 60
export const HOUR = 3600
export const DAY = 86_400

const BLOCK_SECONDS = 12
const FIRST_BLOCK = 1_000_000n
const FIRST_SECOND = 1_700_000_000
/** Base units of a token of the simulated economy. */
const UNIT = 10 ** 6
const TOKEN: Hex = '0x00000000000000000000000000000000000000e5'

/** One token, its balances, and what is to happen next, in order. Times are seconds since the beginning. */
export class World {
  readonly random: Random
  readonly days: number
  readonly log: LabelledTransfer[] = []
  /** Base units; whole numbers below 2^53, so that sums are exact. */
  readonly #balances = new Map<Hex, number>()
  readonly #queue: { readonly at: number; readonly serial: number; readonly act: () => void }[] = []
  #serial = 0
  #addresses = 0
  #now = 0

  constructor(random: Random, days: number) {
    this.random = random
    this.days = days
  }

  get now(): number {
    return this.#now
  }

  /** A new address, drawn so that nothing can be read from it. */
  address(): Hex {
    this.#addresses++
    const words = Array.from({ length: 4 }, () =>
      this.random
        .whole(0, 2 ** 32 - 1)
        .toString(16)
        .padStart(8, '0'),
    )
    return `0x${words.join('')}${this.#addresses.toString(16).padStart(8, '0')}`
  }

  balance(of: Hex): number {
    return (this.#balances.get(of) ?? 0) / UNIT
  }

  /** Tokens that were there before the first transfer. */
  endow(address: Hex, amount: number): void {
    this.#balances.set(address, (this.#balances.get(address) ?? 0) + Math.floor(amount * UNIT))
  }

  /** Does something in so many seconds, or never where that is after the end. */
  after(seconds: number, act: () => void): void {
    const at = this.#now + Math.max(0, seconds)
    if (at >= this.days * DAY) return
    this.#queue.push({ at, serial: this.#serial++, act })
    let child = this.#queue.length - 1
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!this.#before(child, parent)) break
      this.#swap(child, parent)
      child = parent
    }
  }

  /** Again and again, with exponential gaps of this mean. */
  repeat(meanSeconds: number, act: () => void): void {
    this.after(this.random.exponential(meanSeconds), () => {
      act()
      this.repeat(meanSeconds, act)
    })
  }

  /** Moves tokens now; false where the sender has less, or it would be less than one base unit. */
  send(from: Hex, to: Hex, tokens: number, pattern: Pattern = 'honest'): boolean {
    const [held, wanted] = [this.#balances.get(from) ?? 0, Math.floor(tokens * UNIT)]
    // An amount that was split before may be a rounding error more than there is.
    const value = wanted - held > 0 && wanted - held <= 4 ? held : wanted
    if (value < 1 || value > held || from === to) return false
    this.#balances.set(from, held - value)
    this.#balances.set(to, (this.#balances.get(to) ?? 0) + value)
    const block = Math.floor(this.#now / BLOCK_SECONDS)
    const transfer = {
      block: FIRST_BLOCK + BigInt(block),
      timestamp: FIRST_SECOND + block * BLOCK_SECONDS,
      logIndex: this.log.length,
      token: TOKEN,
      ...{ from, to, value: BigInt(value) },
    }
    this.log.push({ transfer, pattern })
    return true
  }

  /** Lets everything happen, until the end. */
  run(): void {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      this.#now = next.at
      next.act()
    }
  }

  #pop() {
    const [first] = this.#queue
    const last = this.#queue.pop()
    if (first === undefined || last === undefined || this.#queue.length === 0) return first
    this.#queue[0] = last
    for (let parent = 0; ; ) {
      let least = parent
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < this.#queue.length && this.#before(child, least)) least = child
      if (least === parent) return first
      this.#swap(parent, least)
      parent = least
    }
  }

  #before(i: number, j: number): boolean {
    const [a, b] = [this.#queue[i], this.#queue[j]]
    if (a === undefined || b === undefined) return false
    return a.at < b.at || (a.at === b.at && a.serial < b.serial)
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#queue[i], this.#queue[j]]
    if (a === undefined || b === undefined) return
    this.#queue[i] = b
    this.#queue[j] = a
  }
}
