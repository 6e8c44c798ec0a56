import { snakeCase } from '../../ports/custom-tables.ts'
import type { IndexPage, PageCondition, PageQuery, Scalar } from '../../ports/index-pages.ts'
import { pageOperators } from '../../ports/index-pages.ts'
import type { IndexShape, ShapeColumn } from '../../ports/index-shapes.ts'
import { IndexError } from './errors.ts'
import { decodeValue, encodeValue, sqlTypes } from './select-sql.ts'

const MOST_ROWS = 1_001
const MOST_VALUES = 1_000
/** Of the texts of one page, in bytes. A row that is larger comes alone. */
export const MOST_BYTES = 2_000_000
/** What a number or a flag counts as. */
const FIXED_BYTES = 40
/** Parsed, JSON takes several times its text. */
const JSON_WEIGHT = 4

/**
 * The statement of a page. No text of the caller gets into the SQL: columns are looked up in the shape, operators and
 * directions compared, values sent as parameters. The page ends before the row that would make it too large, so that no such
 * row leaves the database; how many rows were found stands behind the columns. Throws `INDEX_BAD_QUERY`.
 *
 * @param schema a checked schema name
 */
export function pageStatement(
  schema: string,
  shape: IndexShape,
  { columns, where, orderBy, direction, after, limit }: PageQuery,
): { readonly text: string; readonly values: readonly unknown[] } {
  const values: unknown[] = []
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS)
    throw bad(`limit is ${limit}; give an integer from 1 to ${MOST_ROWS}.`, { limit })
  if (direction !== 'asc' && direction !== 'desc') throw bad('A direction is asc or desc.', { direction })
  if (orderBy.length === 0) throw bad('Rows need an order.', { table: shape.name })
  const conditions = where.map((condition) => conditionSql(shape, condition, values))
  const order = orderBy.map((name) => comparable(shape, name))
  if (after !== null) conditions.push(afterSql(order, direction, after, values))
  const wanted = columnsOf(shape, columns)
  // Values as they are stored: what is large lies elsewhere, and is fetched for the rows that are left.
  const found = [
    ...wanted.map(({ name }, i) => `${at(name)} AS c${i}`),
    ...order.map(({ name }, i) => `${at(name)} AS o${i}`),
  ]
  const texts = wanted.map(({ kind }, i) => `p.c${i}${kind === 'bool' ? '' : '::text'}`)
  return {
    text: [
      `SELECT ${texts.join(', ')}, p.found::text FROM (`,
      `SELECT f.*, count(*) OVER () AS found, row_number() OVER w AS nth, sum(${bytesOf(wanted)}) OVER w AS bytes FROM (`,
      `SELECT ${found.join(', ')} FROM "${schema}"."${shape.table}" AS t`,
      ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
      `ORDER BY ${order.map(({ name }) => `${at(name)} ${direction}`).join(', ')} LIMIT ${limit}`,
      `) AS f WINDOW w AS (ORDER BY ${order.map((_, i) => `f.o${i} ${direction}`).join(', ')} ROWS UNBOUNDED PRECEDING)`,
      `) AS p WHERE p.nth = 1 OR p.bytes <= ${MOST_BYTES} ORDER BY p.nth`,
    ].join(' '),
    values,
  }
}

/** How large a row counts: the length of a text is known without fetching it. */
function bytesOf(columns: readonly ShapeColumn[]): string {
  const sizes = columns.map(({ kind }, i) => {
    if (kind === 'json') return `${JSON_WEIGHT} * octet_length(f.c${i}::text)::int8`
    return kind === 'text' || kind === 'hex' ? `octet_length(f.c${i})::int8` : `${FIXED_BYTES}`
  })
  return sizes.join(' + ')
}

/** The page that a result in array mode holds. */
export function pageOf(
  shape: IndexShape,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): IndexPage {
  const wanted = columnsOf(shape, columns)
  return {
    rows: rows.map((row) =>
      Object.fromEntries(wanted.map(({ name, kind }, i) => [name, decodeValue(kind, row[i])])),
    ),
    isCut: rows.length < Number(rows[0]?.[wanted.length] ?? 0),
  }
}

function columnsOf(shape: IndexShape, columns: readonly string[]): readonly ShapeColumn[] {
  if (columns.length === 0) throw bad('Name at least one column.', { table: shape.name })
  return columns.map((column) => columnOf(shape, column))
}

function columnOf(shape: IndexShape, column: string): ShapeColumn {
  const found = shape.columns.find(({ name }) => name === column)
  if (found !== undefined) return found
  throw bad(`Table ${shape.name} has no column "${column}".`, { table: shape.name, column })
}

function conditionSql(shape: IndexShape, condition: PageCondition, values: unknown[]): string {
  const { name, kind, type } = comparable(shape, condition.column)
  if (condition.op !== 'in') {
    if (!pageOperators.includes(condition.op))
      throw bad(`"${condition.op}" is no operator.`, { column: name })
    values.push(encodeValue(name, kind, condition.value))
    return `${at(name)} ${condition.op} $${values.length}::${type}`
  }
  if (condition.value.length > MOST_VALUES)
    throw bad(`${name} takes a list of at most ${MOST_VALUES} values.`, { column: name })
  values.push(condition.value.map((each) => encodeValue(name, kind, each)))
  return `${at(name)} = ANY($${values.length}::${type}[])`
}

/** One comparison of whole rows, which an index over these columns answers without reading what lies before. */
function afterSql(
  order: readonly Comparable[],
  direction: 'asc' | 'desc',
  after: readonly Scalar[],
  values: unknown[],
): string {
  if (after.length !== order.length) throw bad('A place has one value for each column of the order.', {})
  const places = order.map(({ name, kind, type }, i) => {
    values.push(encodeValue(name, kind, after[i]))
    return `$${values.length}::${type}`
  })
  const columns = order.map(({ name }) => at(name)).join(', ')
  return `(${columns}) ${direction === 'asc' ? '>' : '<'} (${places.join(', ')})`
}

type Comparable = ShapeColumn & { readonly type: string }

function comparable(shape: IndexShape, column: string): Comparable {
  const found = columnOf(shape, column)
  const type = sqlTypes[found.kind]
  if (type === null) throw bad(`${column} is JSON and can't be compared.`, { column })
  return { ...found, type }
}

function at(column: string): string {
  return `t."${snakeCase(column)}"`
}

function bad(message: string, data: Readonly<Record<string, unknown>>): IndexError {
  return new IndexError('INDEX_BAD_QUERY', `${message} Correct the query.`, { data })
}
