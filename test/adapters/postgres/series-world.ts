import type { Database } from '../../../node/adapters/postgres/database.ts'
import { type Position, readPosition, writePosition } from '../../../node/adapters/postgres/event-position.ts'
import { readLive } from '../../../node/adapters/postgres/event-rising.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { Json } from '../../../node/ports/json.ts'
import { hash } from './chain-events.ts'

/** Numbers from a seed: the same for the same (mulberry32). */
export function numbers(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    /** 0 to `below` - 1. */
    whole: (below: number) => Math.floor(next() * below),
    chance: (part: number) => next() < part,
  }
}

export type Numbers = ReturnType<typeof numbers>

export const pools = [`0x${'a1'.repeat(20)}`, `0x${'a2'.repeat(20)}`] as const
export const makers = [`0x${'b1'.repeat(20)}`, `0x${'b2'.repeat(20)}`] as const

/** A chain of which only the events are there: it writes into the event log what the follower of a real one would. */
export class SeriesWorld {
  readonly chainId: number
  readonly #database: Database
  readonly #numbers: Numbers
  #blocks: Row<'event'>[][] = [[]]
  #times: number[]
  #branch = 0
  #final = 0
  #position: Position | null = null
  /** Branches that were dropped, to come back to. */
  #dropped: { from: number; blocks: Row<'event'>[][]; times: number[] } | null = null

  constructor(chainId: number, startTime: number, database: Database, random: Numbers) {
    this.chainId = chainId
    this.#database = database
    this.#numbers = random
    this.#times = [startTime]
  }

  times = () => ({
    copied: this.#times.at(-1) ?? 0,
    final: this.#times[this.#final] ?? 0,
    revision: this.#position?.revision ?? 0n,
    rounds: 0,
  })

  get height(): number {
    return this.#blocks.length - 1
  }

  /** Adds blocks, `seconds` apart at most. */
  async mine(count: number, seconds: number, events: number): Promise<void> {
    const from = this.#blocks.length
    for (let at = 0; at < count; at++) this.#append(seconds, events)
    await this.#copy(from)
  }

  /** Lets all but the newest few be final, in part only. */
  async finalize(distance: number): Promise<void> {
    this.#final = Math.max(this.#final, this.height - distance)
    await this.#copy(this.#blocks.length)
  }

  /** Drops blocks above the final one and mines others, or those that it dropped before. */
  async reorganise(depth: number, seconds: number, events: number): Promise<void> {
    await this.#drop(Math.max(this.#final + 1, this.#blocks.length - depth))
    const back = this.#dropped
    const from = this.#blocks.length
    if (back !== null && back.from === from && this.#numbers.chance(0.5)) {
      this.#blocks.push(...back.blocks)
      this.#times.push(...back.times)
      this.#dropped = null
      await this.#copy(from)
    } else await this.mine(1 + this.#numbers.whole(depth), seconds, events)
  }

  /** What `iyi index recover` does after a reorganisation deeper than finality. */
  async recover(depth: number): Promise<void> {
    await this.#drop(Math.max(1, this.#blocks.length - depth))
  }

  /** An index that follows more contracts than the one before: what they did long ago comes late. */
  async comeLate(count: number): Promise<void> {
    const late: Row<'event'>[] = []
    for (let each = 0; each < count; each++) {
      const number = 1 + this.#numbers.whole(this.height)
      const block = this.#blocks[number]
      if (block === undefined) continue
      const row = this.#event(number, block.length)
      block.push(row)
      late.push(row)
    }
    await this.#write({}, late)
  }

  #append(seconds: number, events: number): void {
    const number = this.#blocks.length
    this.#times.push((this.#times.at(-1) ?? 0) + this.#numbers.whole(seconds + 1))
    const block: Row<'event'>[] = []
    this.#blocks.push(block)
    for (let at = this.#numbers.whole(events + 1); at > 0; at--) block.push(this.#event(number, block.length))
  }

  async #drop(from: number): Promise<void> {
    if (from >= this.#blocks.length) return
    this.#dropped = {
      from,
      blocks: this.#blocks.slice(from),
      times: this.#times.slice(from),
    }
    this.#blocks = this.#blocks.slice(0, from)
    this.#times = this.#times.slice(0, from)
    this.#branch++
    this.#final = Math.min(this.#final, from - 1)
    const gone = await readLive(this.#database, this.chainId, BigInt(from - 1))
    await this.#write({ gone: gone.map(({ id }) => id) }, [])
  }

  #copy(from: number): Promise<void> {
    return this.#write({}, this.#blocks.slice(from).flat())
  }

  async #write({ gone = [] }: { gone?: readonly bigint[] }, added: readonly Row<'event'>[]): Promise<void> {
    const before = this.#position ?? (await readPosition(this.#database, this.chainId))
    this.#position = await writePosition(this.#database, this.chainId, {
      from: before,
      to: {
        ...before,
        copied: BigInt(this.height),
        confirmed: BigInt(this.#final),
        final: BigInt(this.#final),
      },
      reverted: gone,
      added,
    })
  }

  #event(number: number, logIndex: number): Row<'event'> {
    const salt = this.#branch === 0 ? '' : `b${this.#branch.toString(16).padStart(3, '0')}`
    const [name, address, data] = this.#what()
    return {
      id: `${this.chainId}-${number}-${salt}-${logIndex}`,
      chainId: this.chainId,
      blockNumber: BigInt(number),
      blockHash: hash(number, salt),
      logIndex,
      transactionHash: hash(BigInt(number) * 1_000n + BigInt(logIndex), 'f'),
      timestamp: BigInt(this.#times[number] ?? 0),
      address: address as `0x${string}`,
      name,
      data,
    }
  }

  #what(): [string, string, Json] {
    const amount = () =>
      (BigInt(1 + this.#numbers.whole(1_000_000)) * 10n ** BigInt(this.#numbers.whole(20))).toString()
    const pool = pools[this.#numbers.whole(pools.length)] ?? pools[0]
    switch (this.#numbers.whole(6)) {
      case 0:
        return ['pool.Sync', pool, { reserve0: amount(), reserve1: amount() }]
      case 1:
        return ['other.Thing', pool, { value: amount() }]
      case 2: {
        const maker = makers[this.#numbers.whole(makers.length)] ?? makers[0]
        const sign = this.#numbers.chance(0.5) ? '-' : ''
        return ['custom.book.Filled', maker, { sold: sign + amount(), paid: amount(), price: amount() }]
      }
      default: {
        const isBack = this.#numbers.chance(0.5)
        const nothing = this.#numbers.chance(0.1)
        return [
          'pool.Swap',
          pool,
          {
            amount0In: isBack ? '0' : amount(),
            amount1In: isBack ? amount() : '0',
            amount0Out: isBack && !nothing ? amount() : '0',
            amount1Out: isBack || nothing ? '0' : amount(),
          },
        ]
      }
    }
  }
}
