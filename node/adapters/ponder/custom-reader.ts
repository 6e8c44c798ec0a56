import pg from 'pg'
import type { CustomIndex, CustomQuery, CustomRow } from '../../ports/custom-index.ts'
import type { CustomColumn, CustomTable } from '../../ports/custom-tables.ts'
import { snakeCase } from '../../ports/custom-tables.ts'
import { IndexError } from './errors.ts'
import { checkedSchema } from './names.ts'
import { decodeValue, encodeValue, sqlTypes } from './select-sql.ts'

/** A row before which, or after which, a page begins: the newest rows come first. */
const ORDER = '(chain_id, block_number, log_index)'

/** Anybody may ask: a question that no index answers must not take long, nor what the validator itself needs. */
const LIMITS = { max: 3, statement_timeout: 3_000, query_timeout: 5_000, connectionTimeoutMillis: 3_000 }

/**
 * Reads the tables of operators' own contracts through the views, over connections of its own. Nothing that a caller gives gets into the SQL but as a
 * parameter: tables and columns are those of the configuration.
 *
 * Rejects with `INDEX_UNAVAILABLE` (retry) while the build with a new contract is still made, `INDEX_TOO_SLOW`,
 * `INDEX_BAD_QUERY`.
 */
export function customIndex(options: {
  readonly viewsSchema: string
  readonly tables: readonly CustomTable[]
  readonly databaseUrl: string
}): CustomIndex & { close(): Promise<void> } {
  const schema = checkedSchema(options.viewsSchema)
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: 'iyi custom index',
    ...LIMITS,
  })
  // A connection that breaks while nobody uses it: the next question says so.
  pool.on('error', () => {})
  const { tables } = options
  return {
    close: () => pool.end(),
    tables: () => tables,
    async rows(table, query) {
      const found = tables.find((candidate) => candidate.table === table)
      if (found === undefined) throw bad(`There is no table "${table}".`, { table })
      const { text, values } = statement(schema, found, query)
      try {
        const { rows } = await pool.query<unknown[]>({ text, values, rowMode: 'array' })
        return rows.map((row) => rowOf(found.columns, row))
      } catch (cause) {
        const state = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
        if (state === '57014') throw tooSlow(found, cause)
        const reason = NOT_YET.has(state)
          ? 'the build of the index with this contract is still being made'
          : 'the database does not answer'
        throw new IndexError('INDEX_UNAVAILABLE', `Can't read ${table}: ${reason}. Try again.`, {
          data: { table, reason },
          retry: true,
          cause,
        })
      }
    },
  }
}

/** No such schema, table or column, or a column of another type: the views still show an earlier build. */
const NOT_YET = new Set(['3F000', '42P01', '42703', '42883', '42804', '22P02'])

function tooSlow({ table, columns }: CustomTable, cause: unknown): IndexError {
  const indexed = columns.filter((column) => column.indexed).map(({ name }) => name)
  return new IndexError(
    'INDEX_TOO_SLOW',
    `Looking through ${table} takes too long. Ask for fewer rows, or by what has an index: ${['blockNumber', ...indexed].join(', ')}.`,
    { data: { table, indexed }, cause },
  )
}

function statement(schema: string, { table, columns }: CustomTable, { where, before, limit }: CustomQuery) {
  const values: unknown[] = []
  const conditions = Object.entries(where).map(([name, value]) => {
    const column = columns.find((candidate) => candidate.name === name)
    if (column === undefined) throw bad(`Table ${table} has no column "${name}".`, { table, column: name })
    const type = sqlTypes[column.kind]
    if (type === null) throw bad(`${name} is JSON and can't be compared.`, { column: name })
    values.push(encodeValue(name, column.kind, value))
    return `t."${snakeCase(name)}" = $${values.length}::${type}`
  })
  if (before !== null) {
    values.push(before.chainId, before.blockNumber.toString(), before.logIndex)
    const at = values.length
    conditions.push(`${ORDER} < ($${at - 2}::int8, $${at - 1}::numeric, $${at}::int4)`)
  }
  const list = columns.map(({ name, kind }) => `t."${snakeCase(name)}"${kind === 'bool' ? '' : '::text'}`)
  return {
    text: [
      `SELECT ${list.join(', ')} FROM "${schema}"."${table}" AS t`,
      ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
      `ORDER BY t.chain_id DESC, t.block_number DESC, t.log_index DESC LIMIT ${limit}`,
    ].join(' '),
    values,
  }
}

function rowOf(columns: readonly CustomColumn[], row: readonly unknown[]): CustomRow {
  return Object.fromEntries(columns.map(({ name, kind }, at) => [name, decodeValue(kind, row[at])]))
}

function bad(message: string, data: Readonly<Record<string, unknown>>): IndexError {
  return new IndexError('INDEX_BAD_QUERY', `${message} Correct the query.`, { data })
}
