import { type CustomTable, snakeCase as customSnakeCase } from '../../ports/custom-tables.ts'
import type { ExportColumn, ExportTable, ExportType } from '../../ports/export.ts'
import { type ColumnKind, indexTables } from '../../ports/index-tables.ts'
import { checkedSchema, snakeCase } from './names.ts'
import { type PositionRow, positionOf, positionsSql } from './positions.ts'

/** Which column says the block of a row: the first of these that a table has. */
const BLOCKS = ['blockNumber', 'number', 'updatedBlock', 'lastBlock', 'createdBlock']
/** Columns of Unix seconds. */
const TIMES = ['timestamp', 'start', 'observationsTimestamp']
/** What orders rows of one block: the first that a table has. */
const WITHIN = ['logIndex', 'id', 'address', 'slot']

/** The indexed tables by the names of the API, and those of operators' contracts as `<contract>.<Event>`. */
export function indexExports(options: {
  readonly viewsSchema: string
  readonly custom: readonly CustomTable[]
}): readonly ExportTable[] {
  const schema = checkedSchema(options.viewsSchema)
  return [
    ...Object.entries(indexTables).map(([name, columns]) =>
      exportOf(schema, name, snakeCase(name), Object.entries(columns), snakeCase),
    ),
    ...options.custom.map(({ contract, event, table, columns }) =>
      exportOf(
        schema,
        `${contract}.${event}`,
        table,
        columns.map(({ name, kind, input }) => [name, kind, input !== null]),
        customSnakeCase,
      ),
    ),
  ]
}

type Described = readonly [name: string, kind: ColumnKind, isInput?: boolean]

function exportOf(
  schema: string,
  name: string,
  table: string,
  described: readonly Described[],
  inSql: (name: string) => string,
): ExportTable {
  const quoted = (column: string) => `t."${inSql(column)}"`
  const first = (names: readonly string[]) =>
    names.find((each) => described.some(([own, , isInput]) => own === each && isInput !== true)) ?? ''
  const block = first(BLOCKS)
  const columns = described.map(
    ([own, kind, isInput]): ExportColumn => ({
      name: own,
      type: isInput === true ? plainType(kind) : typeOf(own, kind),
      sql: quoted(own),
    }),
  )
  return {
    name,
    columns,
    from: `"${schema}"."${table}" AS t`,
    chain: quoted('chainId'),
    block: quoted(block),
    order: [quoted('chainId'), quoted(block), quoted(first(WITHIN))],
    blocks: {
      sql: positionsSql(schema),
      read: (row) => positionOf(row as unknown as PositionRow),
    },
  }
}

function typeOf(name: string, kind: ColumnKind): ExportType {
  if (kind === 'bigint' && TIMES.includes(name)) return 'time'
  return kind === 'bigint' && BLOCKS.includes(name) ? 'int64' : plainType(kind)
}

/** An argument of an event may be as large as its type, whatever it is called. */
function plainType(kind: ColumnKind): ExportType {
  return kind === 'bigint' ? 'integer' : kind
}
