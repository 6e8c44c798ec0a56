import { type CustomColumn, type CustomTable, type placeColumns, snakeCase } from './custom-tables.ts'
import { type ColumnKind, contractColumns, indexTables, keyColumns, type TableName } from './index-tables.ts'
import { columnTexts, tableTexts } from './index-texts.ts'

export interface ShapeColumn {
  readonly name: string
  readonly kind: ColumnKind
  readonly text: string
  /** It holds the contract that the row came from. */
  readonly isContract: boolean
}

/** A table of the index in the form in which anybody may ask for it. */
export interface IndexShape {
  /** Of one row: `poolSwap`, or `<contract>_<Event>` of an operator's own contract. No two are the same. */
  readonly name: string
  /** In PostgreSQL. */
  readonly table: string
  readonly text: string
  readonly columns: readonly ShapeColumn[]
  /** The primary key. */
  readonly key: readonly string[]
  /** Columns by which rows come, newest first: chain by chain. No two rows have the same values of them. */
  readonly order: readonly string[]
}

/** Every table that anybody may ask for: the public ones, then those of the operator's own contracts. */
export function indexShapes(custom: readonly CustomTable[]): readonly IndexShape[] {
  const names = Object.keys(indexTables) as TableName[]
  return [...names.map(publicShape), ...custom.map(customShape)]
}

function publicShape(name: TableName): IndexShape {
  const kinds: Readonly<Record<string, ColumnKind>> = indexTables[name]
  const contracts: Readonly<Partial<Record<TableName, string>>> = contractColumns
  const keys: Readonly<Partial<Record<TableName, readonly string[]>>> = keyColumns
  const texts: Readonly<Record<string, string>> = columnTexts
  const columns = Object.entries(kinds).map(([column, kind]) => ({
    ...{ name: column, kind, text: texts[column] ?? '' },
    isContract: contracts[name] === column,
  }))
  return withOrder({
    ...{ name, table: snakeCase(name), text: tableTexts[name], columns },
    key: keys[name] ?? ['id'],
  })
}

function customShape({ contract, event, table, columns }: CustomTable): IndexShape {
  return withOrder({
    // Two that were equal would share a table, which the configuration refuses.
    name: `${contract}_${event}`,
    table,
    text: `One event ${event} of ${contract}, a contract of the operator's own.`,
    columns: columns.map(customColumn),
    key: ['id'],
  })
}

function customColumn(column: CustomColumn): ShapeColumn {
  const { name, kind, input, indexed } = column
  const texts: Readonly<Record<string, string>> = columnTexts
  const called = input?.name === '' ? 'without a name' : `\`${input?.name}\``
  return {
    ...{ name, kind },
    text:
      input === null
        ? (texts[name] ?? '')
        : `Input ${input.at + 1} of the event, ${called}${indexed ? ', indexed' : ''}.`,
    isContract: input === null && name === ADDRESS,
  }
}

const ADDRESS = 'address' satisfies (typeof placeColumns)[number]['name']
/** What tells older rows from newer ones, where a table has it; the first that is there. */
const AGES = ['blockNumber', 'start', 'createdBlock', 'updatedBlock', 'number']

function withOrder(shape: Omit<IndexShape, 'order'>): IndexShape {
  const has = (name: string) => shape.columns.some((column) => column.name === name)
  const age = AGES.filter(has).slice(0, 1)
  const place = ['chainId', ...age, 'logIndex'].filter(has)
  // A log's place is its own; what is no log is told apart by its key.
  const isLog = has('blockNumber') && has('logIndex')
  return { ...shape, order: isLog ? place : [...new Set([...place, ...shape.key])] }
}
