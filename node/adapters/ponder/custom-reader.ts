import type { CustomIndex, CustomQuery, CustomRow } from '../../ports/custom-index.ts'
import type { CustomColumn, CustomTable } from '../../ports/custom-tables.ts'
import { snakeCase } from '../../ports/custom-tables.ts'
import { IndexError } from './errors.ts'
import { checkedSchema } from './names.ts'
import { publicPool, publicReadError } from './public-pool.ts'
import { decodeValue, encodeValue, sqlTypes } from './select-sql.ts'

/** A row before which, or after which, a page begins: the newest rows come first. */
const ORDER = '(chain_id, block_number, log_index)'

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
  const pool = publicPool({ databaseUrl: options.databaseUrl, name: 'iyi custom index' })
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
        throw publicReadError(table, fastColumns(found), cause)
      }
    },
  }
}

function fastColumns({ columns }: CustomTable): readonly string[] {
  return ['blockNumber', ...columns.filter((column) => column.indexed).map(({ name }) => name)]
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
