/** Where a row stands in its chain. */
export interface Place {
  readonly blockNumber: bigint
  readonly logIndex: number
}

/** Rows of one read. With their inputs left where they are, a page of requests is some 200 KB. */
export const PAGE = 500

/** A page of the index: how it is ordered, and behind which place it begins. */
export interface Page {
  readonly orderBy: readonly { readonly column: keyof Place; readonly direction: 'asc' | 'desc' }[]
  readonly after?: readonly [bigint, number]
  readonly limit: number
}

/**
 * What waits in the index, looked at a few pages at a time, so that a look costs the same however much waits. Where one page has
 * not all of it, a look has the oldest page, the newest, and one between them, which is another one each time: what can't be done,
 * or not yet, hides neither what came after it nor what came before.
 */
export class Backlog {
  /** Up to where it was walked through; null: to be walked from the oldest page on. */
  #at: Place | null = null

  /** In no order, and each row once. */
  async look<R extends Place>(read: (page: Page) => Promise<readonly R[]>): Promise<readonly R[]> {
    const oldest = await read(pageOf('asc', null))
    if (oldest.length < PAGE) {
      this.#at = null
      return oldest
    }
    const walked = await read(pageOf('asc', this.#at ?? oldest.at(-1) ?? null))
    this.#at = walked.length < PAGE ? null : (walked.at(-1) ?? null)
    const newest = await read(pageOf('desc', null))
    return [...new Map([...oldest, ...walked, ...newest].map((row) => [textOf(row), row])).values()]
  }
}

function pageOf(direction: 'asc' | 'desc', after: Place | null): Page {
  return {
    orderBy: [
      { column: 'blockNumber', direction },
      { column: 'logIndex', direction },
    ],
    ...(after === null ? {} : { after: [after.blockNumber, after.logIndex] as const }),
    limit: PAGE,
  }
}

const textOf = ({ blockNumber, logIndex }: Place) => `${blockNumber} ${logIndex}`

/** Older first. */
export const inOrder = <R extends Place>(rows: readonly R[]): readonly R[] =>
  [...rows].sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex)
