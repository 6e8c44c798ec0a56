import { IyiError } from '../../node/ports/errors.ts'
import type { ChainFreshness, IndexQuery, IndexReader } from '../../node/ports/index-reader.ts'
import type { Column, Row, TableName } from '../../node/ports/index-tables.ts'

export interface MemoryIndex extends IndexReader {
  add<T extends TableName>(table: T, ...rows: readonly Row<T>[]): void
  /** Takes rows away, as a reorg does. */
  remove<T extends TableName>(table: T, which: (row: Row<T>) => boolean): void
  /** Head and indexed block of a chain. Equal when one is given. */
  setHead(chainId: number, head: bigint, indexed?: bigint): void
  /** Another build of the indexer takes over. */
  setBuild(build: string): void
  /** Every call rejects with INDEX_UNAVAILABLE while down. */
  setDown(down: boolean): void
  /** Which build it is of; it says none before. */
  setEdition(edition: string): void
}

type Cell = string | number | bigint | boolean

/** `IndexReader` over arrays in memory. */
export function memoryIndex(): MemoryIndex {
  const tables = new Map<TableName, object[]>()
  const chains = new Map<number, ChainFreshness>()
  let down = false
  let edition: string | null = null
  let build: string | undefined
  const check = () => {
    if (down) throw new IyiError('INDEX_UNAVAILABLE', 'the index is down', { data: {}, retry: true })
  }
  const checkComplete = ({ chainId, block, hash }: NonNullable<IndexQuery<'event'>['complete']>) => {
    const blocks = (tables.get('block') ?? []) as Row<'block'>[]
    const found = blocks.find((row) => row.chainId === chainId && row.number === block)
    if (
      (chains.get(chainId)?.indexed?.number ?? -1n) >= block &&
      (hash === undefined || hash === found?.hash)
    )
      return
    throw new IyiError('INDEX_BEHIND', 'the index is behind', { data: { chainId }, retry: true })
  }
  return {
    add: (table, ...rows) => {
      tables.set(table, [...(tables.get(table) ?? []), ...rows])
    },
    remove: (table, which) => {
      tables.set(
        table,
        (tables.get(table) ?? []).filter((row) => !which(row as never)),
      )
    },
    setHead: (chainId, head, indexed = head) => {
      const hash = `0x${head.toString(16).padStart(64, '0')}` as const
      chains.set(chainId, {
        chainId,
        name: `chain-${chainId}`,
        head: { number: head, hash, timestamp: Number(head) },
        indexed: { number: indexed, timestamp: Number(indexed) },
        finalized: null,
        lagBlocks: Number(head - indexed),
      })
    },
    setBuild: (value) => {
      build = value
    },
    setDown: (value) => {
      down = value
    },
    setEdition: (value) => {
      edition = value
    },
    freshness: async () => {
      check()
      return [...chains.values()].map((chain) => ({
        ...chain,
        ...(build === undefined ? {} : { build }),
        ...(edition === null ? {} : { edition }),
      }))
    },
    select: async <T extends TableName, C extends Column<T> = Column<T>>({
      table,
      columns,
      where = [],
      orderBy = [],
      after,
      limit = 1_000,
      complete,
    }: IndexQuery<T, C>) => {
      check()
      if (complete !== undefined) checkComplete(complete)
      const rows = (tables.get(table) ?? []) as Row<T>[]
      const found = rows.filter((row) =>
        where.every(({ column, op, value }) => holds(row[column], op, value)),
      )
      const inOrder = (a: readonly Cell[], b: readonly Cell[]) => {
        for (const [at, { direction }] of orderBy.entries()) {
          const order = compare(a[at] as Cell, b[at] as Cell)
          if (order !== 0) return direction === 'asc' ? order : -order
        }
        return 0
      }
      const placeOf = (row: Row<T>) => orderBy.map(({ column }) => row[column] as Cell)
      found.sort((a, b) => inOrder(placeOf(a), placeOf(b)))
      const behind = after === undefined ? found : found.filter((row) => inOrder(placeOf(row), after) > 0)
      const taken = structuredClone(behind.slice(0, limit))
      if (columns === undefined) return taken
      return taken.map(
        (row) => Object.fromEntries(columns.map((column) => [column, row[column]])) as Pick<Row<T>, C>,
      )
    },
    waitFor: async (chainId, block) => {
      check()
      if ((chains.get(chainId)?.indexed?.number ?? -1n) >= block) return
      throw new IyiError('INDEX_BEHIND', 'the index is behind', { data: { chainId }, retry: true })
    },
  }
}

function compare(a: Cell, b: Cell): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function holds(cell: unknown, op: string, value: unknown): boolean {
  if (op === 'in') return Array.isArray(value) && value.includes(cell)
  if (op === '=') return cell === value
  if (op === '!=') return cell !== value
  const order = compare(cell as Cell, value as Cell)
  if (op === '<') return order < 0
  if (op === '<=') return order <= 0
  return op === '>' ? order > 0 : order >= 0
}
