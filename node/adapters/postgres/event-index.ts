import type { Hex } from '../../ports/chain.ts'
import type { IndexReader } from '../../ports/index-reader.ts'
import { blockSlots, type Row } from '../../ports/index-tables.ts'

/** Largest page of the index reader. */
export const maxPage = 10_000

/** Up to where the index is read, and of which branch. */
export interface Tip {
  readonly number: bigint
  /** Null below the live blocks: what the index has there it never takes back. */
  readonly hash: Hex | null
  /** Unix seconds of that block. */
  readonly timestamp: number
}

/** What the log reads of the index of one chain, whole blocks at a time. */
export class EventIndex {
  readonly #chainId: number
  readonly #index: IndexReader

  constructor(chainId: number, index: IndexReader) {
    this.#chainId = chainId
    this.#index = index
  }

  /** The newest block whose rows are there; `indexed` is what `freshness` said. */
  async tip(indexed: { readonly number: bigint; readonly timestamp: number }): Promise<Tip> {
    const [newest] = await this.#index.select({
      table: 'block',
      where: [{ column: 'chainId', op: '=', value: this.#chainId }],
      orderBy: [{ column: 'number', direction: 'desc' }],
      limit: 1,
    })
    return newest === undefined || newest.number < indexed.number
      ? { ...indexed, hash: null }
      : { number: newest.number, hash: newest.hash, timestamp: Number(newest.timestamp) }
  }

  /** The hash of a live block; null when the index does not know it. */
  async hashAt(number: bigint): Promise<Hex | null> {
    const [found] = await this.#index.select({
      table: 'block',
      where: [
        { column: 'chainId', op: '=', value: this.#chainId },
        { column: 'slot', op: '=', value: Number(number % BigInt(blockSlots)) },
        { column: 'number', op: '=', value: number },
      ],
      limit: 1,
    })
    return found?.hash ?? null
  }

  /** Whole blocks after `after`, at most to the tip: about `batch` events, and the block up to which they are complete. */
  async read(
    { after, upTo, batch }: { after: bigint; upTo: bigint; batch: number },
    tip: Tip,
  ): Promise<{ rows: readonly Row<'event'>[]; upTo: bigint }> {
    const page = (from: bigint, to: bigint, afterLogIndex: number) =>
      this.#page({ after: from, upTo: to, afterLogIndex, limit: batch }, tip)
    const rows = await page(after, upTo, -1)
    if (rows.length < batch) return { rows, upTo }
    const last = rows.at(-1)?.blockNumber ?? upTo
    const whole = rows.filter((row) => row.blockNumber < last)
    if (whole.length > 0) return { rows: whole, upTo: last - 1n }
    // One block fills the page: take all of it.
    const block = [...rows]
    for (;;) {
      const more = await page(last - 1n, last, block.at(-1)?.logIndex ?? -1)
      block.push(...more)
      if (more.length < batch) return { rows: block, upTo: last }
    }
  }

  #page(
    range: { after: bigint; upTo: bigint; afterLogIndex: number; limit: number },
    tip: Tip,
  ): Promise<readonly Row<'event'>[]> {
    return this.#index.select({
      table: 'event',
      where: [
        { column: 'chainId', op: '=', value: this.#chainId },
        { column: 'blockNumber', op: '>', value: range.after },
        { column: 'blockNumber', op: '<=', value: range.upTo },
        { column: 'logIndex', op: '>', value: range.afterLogIndex },
      ],
      orderBy: [
        { column: 'blockNumber', direction: 'asc' },
        { column: 'logIndex', direction: 'asc' },
      ],
      limit: range.limit,
      complete: {
        chainId: this.#chainId,
        block: tip.number,
        ...(tip.hash === null ? {} : { hash: tip.hash }),
      },
    })
  }
}
