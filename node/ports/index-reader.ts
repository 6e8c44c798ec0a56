import type { Hex } from './chain.ts'
import type { Column, Row, TableName } from './index-tables.ts'

/** How fresh the index is on one chain, measured by the node itself: head by its own reader, indexed by Ponder's state. */
export interface ChainFreshness {
  readonly chainId: number
  readonly name: string
  /** Newest block that the node's own reader saw; null before the first answer. */
  readonly head: { readonly number: bigint; readonly hash: Hex; readonly timestamp: number } | null
  /** Newest block whose events are all in the tables; null before the first. */
  readonly indexed: { readonly number: bigint; readonly timestamp: number } | null
  readonly finalized: bigint | null
  /** Which build of the indexer the tables are of; another one shows other tables. Absent before the first. */
  readonly build?: string
  /** Changes with each build, also where that one only has more than the build before. */
  readonly edition?: string
  /** head - indexed, in blocks; null while either is unknown. */
  readonly lagBlocks: number | null
}

/** How much older the newest indexed block is than the head, in seconds of the chain; null while either is unknown. */
export function lagSecondsOf({ head, indexed }: ChainFreshness): number | null {
  return head === null || indexed === null ? null : Math.max(0, head.timestamp - indexed.timestamp)
}

export type Condition<T extends TableName> = {
  [C in Column<T>]: {
    readonly column: C
    readonly op: '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in'
    readonly value: C extends keyof Row<T> ? Row<T>[C] | readonly Row<T>[C][] : never
  }
}[Column<T>]

/** A structured, cloneable query; conditions are joined by AND. */
export interface IndexQuery<T extends TableName, C extends Column<T> = Column<T>> {
  readonly table: T
  /** What the rows have, all columns when absent. A wide one that nobody reads is better left where it is. */
  readonly columns?: readonly C[]
  readonly where?: readonly Condition<T>[]
  readonly orderBy?: readonly { readonly column: Column<T>; readonly direction: 'asc' | 'desc' }[]
  /** Only what comes behind this place: a value for each column of `orderBy`, which all go in one direction then. */
  readonly after?: readonly (string | number | bigint | boolean)[]
  /** 1..10,000; 1,000 when absent. */
  readonly limit?: number
  /**
   * Rejects with `INDEX_BEHIND` unless, in the very snapshot that the rows come from, every event of that chain up to
   * `block` is in the tables. Whoever moves a cursor by what `select` returned needs it: between `freshness` and
   * `select` a reorganisation or a restart of the indexer may take rows away for a while.
   */
  readonly complete?: {
    readonly chainId: number
    readonly block: bigint
    /** The rows must be of the branch in which `block` has this hash; one of the live blocks that table `block` holds. */
    readonly hash?: Hex
  }
}

/** Typed reads of the indexed tables. Rejects with `IndexError` (`INDEX_UNAVAILABLE` retry, `INDEX_BAD_QUERY`, `INDEX_BEHIND` retry). */
export interface IndexReader {
  select<T extends TableName, C extends Column<T> = Column<T>>(
    query: IndexQuery<T, C>,
  ): Promise<readonly Pick<Row<T>, C>[]>
  freshness(): Promise<readonly ChainFreshness[]>
  /** Resolves once every event up to and including `block` is in the tables; rejects with `INDEX_BEHIND` at `timeoutMs`. */
  waitFor(chainId: number, block: bigint, timeoutMs: number): Promise<void>
}
