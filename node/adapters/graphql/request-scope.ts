import type { Meta } from '../../ports/http-schemas.ts'
import type { IndexPage, IndexPages, PageQuery, PageRow } from '../../ports/index-pages.ts'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'
import type { Turns } from './turns.ts'

interface Sources {
  readonly pages: IndexPages
  /** Rejects at `endsAt`. */
  readonly meta: (endsAt: number) => Promise<Meta>
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  readonly turns: Turns
}

/**
 * What one request reads, one statement after the other, so that it takes no more than one of the connections. Where it
 * asks how fresh the index is, that is read first: rows are never older than `_meta` says.
 */
export class RequestScope {
  readonly #sources: Sources
  readonly #endsAt: number
  #last: Promise<unknown>
  #meta: Promise<Meta> | null = null
  #length = 0

  constructor(options: { readonly asksMeta: boolean; readonly endsAt: number }, sources: Sources) {
    this.#sources = sources
    this.#endsAt = options.endsAt
    this.#last = options.asksMeta ? this.meta().catch(() => {}) : Promise.resolve()
  }

  meta(): Promise<Meta> {
    this.#meta ??= this.#sources.meta(this.#endsAt)
    return this.#meta
  }

  page(name: string, query: PageQuery): Promise<IndexPage> {
    const read = this.#last.then(() => {
      if (this.#sources.now() < this.#endsAt) return this.#sources.pages.page(name, query)
      throw new GraphqlFault('GRAPHQL_TIMEOUT', 'The request takes too long. Ask for less at once.', true)
    })
    this.#last = read.catch(() => {})
    return read
  }

  /** The rows, some at a turn, where so many values of each would hold up everything else. */
  inTurns(rows: readonly PageRow[], valuesEach: number): readonly (PageRow | Promise<PageRow>)[] {
    const atOnce = Math.max(1, Math.floor(limits.valuesAtOnce / Math.max(1, valuesEach)))
    let turn = Promise.resolve()
    return rows.map((row, at) => {
      if (at % atOnce === 0) turn = this.#sources.turns.next()
      return turn.then(() => row)
    })
  }

  /** Counts what the answer gets. Throws `GRAPHQL_TOO_LARGE`. */
  count<T>(value: T): T {
    this.#length += lengthOf(value)
    if (this.#length <= limits.answer) return value
    throw new GraphqlFault(
      'GRAPHQL_TOO_LARGE',
      `The answer would have more than ${limits.answer} characters. Ask for fewer rows or fields.`,
    )
  }
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  return typeof value === 'object' && value !== null ? JSON.stringify(value).length : 20
}
