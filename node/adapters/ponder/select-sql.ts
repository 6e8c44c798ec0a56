import type { Hex } from '../../ports/chain.ts'
import type { Condition, IndexQuery } from '../../ports/index-reader.ts'
import {
  type Column,
  type ColumnKind,
  indexTables,
  type Row,
  type TableName,
} from '../../ports/index-tables.ts'
import type { Json } from '../../ports/json.ts'
import { IndexError } from './errors.ts'
import { snakeCase } from './names.ts'

const defaultLimit = 1_000
const maxLimit = 10_000
const maxListLength = 10_000
const operators: readonly string[] = ['=', '!=', '<', '<=', '>', '>=', 'in']

/** How a parameter is compared; `json` columns are not. */
export const sqlTypes = {
  int: 'int8',
  bigint: 'numeric',
  text: 'text',
  hex: 'text',
  bool: 'boolean',
  json: null,
} as const

export interface Statement<T extends TableName, C extends Column<T> = Column<T>> {
  readonly text: string
  readonly values: readonly unknown[]
  /** Turns a row of the result, in array mode, into the typed row. */
  decode(row: readonly unknown[]): Pick<Row<T>, C>
}

/**
 * Builds the statement of a query. No text of the caller gets into the SQL: tables and columns are looked up in
 * `indexTables`, operators and directions compared, values sent as parameters.
 *
 * @param schema a checked schema name
 * @throws IndexError `INDEX_BAD_QUERY`
 */
export function selectStatement<T extends TableName, C extends Column<T> = Column<T>>(
  schema: string,
  query: IndexQuery<T, C>,
): Statement<T, C> {
  if (!Object.hasOwn(indexTables, query.table))
    throw bad(`There is no table "${query.table}".`, { table: query.table })
  const columns = columnsOf(query)
  const values: unknown[] = []
  const where = (query.where ?? []).map((condition) => conditionSql(query.table, condition, values))
  const orderBy = (query.orderBy ?? []).map(({ column, direction }) => {
    if (direction !== 'asc' && direction !== 'desc')
      throw bad(`"${direction}" is no direction; use asc or desc.`, { direction })
    if (kindOf(query.table, column) === 'json') throw bad(`${column} is JSON and has no order.`, { column })
    return `${qualified(column)} ${direction}`
  })
  if (query.after !== undefined) where.push(afterSql(query, query.after, values))
  const limit = query.limit ?? defaultLimit
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
    throw bad(`limit is ${limit}; give an integer from 1 to ${maxLimit}.`, { limit })
  // Text of everything but booleans: exact, and independent of the pool's type parsers. The order is by the columns
  // themselves, which is why they are qualified: a bare name would mean the text.
  const list = columns.map(([name, kind]) => `${qualified(name)}${kind === 'bool' ? '' : '::text'}`)
  return {
    text: [
      `SELECT ${list.join(', ')} FROM "${schema}"."${snakeCase(query.table)}" AS t`,
      ...(where.length === 0 ? [] : [`WHERE ${where.join(' AND ')}`]),
      ...(orderBy.length === 0 ? [] : [`ORDER BY ${orderBy.join(', ')}`]),
      `LIMIT ${limit}`,
    ].join(' '),
    values,
    decode: (row) =>
      Object.fromEntries(
        columns.map(([name, kind], at) => [name, decodeValue(kind, row[at])]),
      ) as unknown as Pick<Row<T>, C>,
  }
}

function columnsOf<T extends TableName, C extends Column<T>>({
  table,
  columns,
}: IndexQuery<T, C>): readonly (readonly [string, ColumnKind])[] {
  if (columns === undefined) return Object.entries(indexTables[table])
  if (columns.length === 0) throw bad('Name at least one column.', { table })
  return columns.map((column) => [column, kindOf(table, column)] as const)
}

/** Rows are compared as a whole, which an index on the columns of the order answers. */
function afterSql<T extends TableName, C extends Column<T>>(
  { table, orderBy = [] }: IndexQuery<T, C>,
  after: readonly unknown[],
  values: unknown[],
): string {
  const [first] = orderBy
  if (
    first === undefined ||
    after.length !== orderBy.length ||
    orderBy.some(({ direction }) => direction !== first.direction)
  )
    throw bad('"after" has a value for each column of the order, which goes in one direction.', { table })
  const places = orderBy.map(({ column }, at) => {
    const kind = kindOf(table, column)
    values.push(encodeValue(column, kind, after[at]))
    return `$${values.length}::${sqlTypes[kind]}`
  })
  const columns = orderBy.map(({ column }) => qualified(column)).join(', ')
  return `(${columns}) ${first.direction === 'asc' ? '>' : '<'} (${places.join(', ')})`
}

function conditionSql<T extends TableName>(table: T, condition: Condition<T>, values: unknown[]): string {
  const { column, op } = condition
  const value: unknown = condition.value
  const kind = kindOf(table, column)
  const type = sqlTypes[kind]
  if (!operators.includes(op)) throw bad(`"${op}" is no operator.`, { op })
  if (type === null) throw bad(`${column} is JSON and can't be compared.`, { column })
  if (op !== 'in') {
    values.push(encodeValue(column, kind, value))
    return `${qualified(column)} ${op} $${values.length}::${type}`
  }
  if (!Array.isArray(value) || value.length > maxListLength)
    throw bad(`"in" on ${column} takes a list of at most ${maxListLength} values.`, { column })
  values.push(value.map((item) => encodeValue(column, kind, item)))
  return `${qualified(column)} = ANY($${values.length}::${type}[])`
}

function kindOf<T extends TableName>(table: T, column: Column<T>): ColumnKind {
  const columns: Readonly<Record<string, ColumnKind>> = indexTables[table]
  const kind = Object.hasOwn(columns, column) ? columns[column] : undefined
  if (kind === undefined) throw bad(`Table ${table} has no column "${column}".`, { table, column })
  return kind
}

function qualified(column: string): string {
  return `t."${snakeCase(column)}"`
}

export function encodeValue(column: string, kind: ColumnKind, value: unknown): string | boolean {
  if (kind === 'bool' && typeof value === 'boolean') return value
  if (kind === 'int' && Number.isSafeInteger(value)) return String(value)
  if (kind === 'bigint' && typeof value === 'bigint') return value.toString()
  // PostgreSQL has no NUL in texts.
  if (kind === 'text' && typeof value === 'string' && !value.includes('\0')) return value
  if (kind === 'hex' && typeof value === 'string' && /^0x[0-9a-f]*$/i.test(value)) return value.toLowerCase()
  throw bad(`The value for ${column} is no ${kind}.`, { column, kind })
}

export function decodeValue(
  kind: ColumnKind,
  value: unknown,
): number | bigint | boolean | string | Hex | Json {
  if (typeof value === 'boolean') return value
  const text = String(value)
  if (kind === 'int') return Number(text)
  if (kind === 'bigint') return BigInt(text)
  if (kind === 'json') return JSON.parse(text) as Json
  return text
}

function bad(message: string, data: Readonly<Record<string, unknown>>): IndexError {
  return new IndexError('INDEX_BAD_QUERY', `${message} Correct the query.`, { data })
}
