import { index, onchainTable } from 'ponder'
import { type CustomTable, customTables, snakeCase } from '../../node/ports/custom-tables.ts'
import type { ColumnKind } from '../../node/ports/index-tables.ts'
import { readIndexerConfig } from '../config.ts'

const tables: readonly CustomTable[] = readIndexerConfig(process.env.IYI_INDEXER_CONFIG).custom.flatMap(
  customTables,
)

type Builder = Parameters<Extract<Parameters<typeof onchainTable>[1], (...args: never) => unknown>>[0]

/** The table of that name, with columns from the event's ABI. */
export function customTable(name: string) {
  const found = tables.find(({ table }) => table === name)
  if (found === undefined) throw new Error(`The configuration has no event for the table ${name}.`)
  return onchainTable(
    name,
    (t) => ({
      id: t.text().primaryKey(),
      chainId: t.int8({ mode: 'number' }).notNull(),
      blockNumber: t.bigint().notNull(),
      blockHash: t.hex().notNull(),
      logIndex: t.integer().notNull(),
      transactionHash: t.hex().notNull(),
      timestamp: t.bigint().notNull(),
      address: t.hex().notNull(),
      ...Object.fromEntries(
        found.columns
          .filter(({ input }) => input !== null)
          .map((column) => [column.name, typed(column.kind, t)(snakeCase(column.name)).notNull()]),
      ),
    }),
    // Names that no table of ours begins with: PostgreSQL has one space of names for both.
    (table) => ({
      place: index(`at_${name}`).on(table.chainId, table.blockNumber, table.logIndex),
      ...Object.fromEntries(
        found.columns
          .filter(({ indexed }) => indexed)
          .map((column, i) => [
            `by${i}`,
            index(`by${i}_${name}`).on(columnOf(table, column.name), table.blockNumber),
          ]),
      ),
    }),
  )
}

/** Columns that are made at runtime have no types. */
function columnOf(table: object, name: string): never {
  return (table as Readonly<Record<string, never>>)[name] as never
}

function typed(kind: ColumnKind, t: Builder) {
  switch (kind) {
    case 'bigint':
    case 'int':
      return (name: string) => t.bigint(name)
    case 'hex':
      return (name: string) => t.hex(name)
    case 'bool':
      return (name: string) => t.boolean(name)
    case 'text':
      return (name: string) => t.text(name)
    case 'json':
      return (name: string) => t.json(name)
  }
}
