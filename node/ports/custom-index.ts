import type { CustomTable } from './custom-tables.ts'
import type { IndexPage } from './index-pages.ts'

export interface CustomQuery {
  /** Columns that must have these values. */
  readonly where: Readonly<Record<string, string | number | bigint | boolean>>
  /** Rows older than this place; null begins at the newest. */
  readonly before: {
    readonly chainId: number
    readonly blockNumber: bigint
    readonly logIndex: number
  } | null
  /** 1..100. */
  readonly limit: number
}

/** Reads of the tables of operators' own contracts, newest rows first. Rejects with `IndexError`. */
export interface CustomIndex {
  tables(): readonly CustomTable[]
  rows(table: string, query: CustomQuery): Promise<IndexPage>
}
