import { getTableConfig } from 'drizzle-orm/pg-core'
import type { Pool } from 'pg'
import * as schema from '../../../../indexer/ponder.schema.ts'
import { snakeCase } from '../../../../node/adapters/ponder/names.ts'
import { selectStatement } from '../../../../node/adapters/ponder/select-sql.ts'
import type { IndexQuery } from '../../../../node/ports/index-reader.ts'
import { indexTables, type Row, type TableName } from '../../../../node/ports/index-tables.ts'
import { makeViews } from '../../../adapters/ponder/views.ts'
import { requestRow } from './kit.ts'

/** The tables of the index, those of requests with the indexes that `ponder.schema.ts` gives them, read up to a block. */
export async function makeRequests(
  pool: Pool,
  { id, block, timestamp }: { id: number; block: bigint; timestamp: number },
): Promise<void> {
  await makeViews(pool, { id, name: 'home', safeBlock: 0 })
  await pool.query(`INSERT INTO views.watermark VALUES (${id}, ${block}, '0x13', ${timestamp})`)
  for (const { config } of getTableConfig(schema.inferenceRequest).indexes) {
    const columns = config.columns.map((column) => ('name' in column ? column.name : ''))
    await pool.query(`CREATE INDEX ${config.name} ON views.inference_request (${columns.join(', ')})`)
  }
}

/** Requests that wait, each of an account of its own: by the hash of what nobody has, or with as many bytes of input. */
export async function flood(
  pool: Pool,
  options: {
    readonly count: number
    readonly block: number
    readonly input: number | null
    readonly callbackGasLimit?: number
    readonly deadline?: number
  },
): Promise<void> {
  const { count, block, input, callbackGasLimit = 0, deadline } = options
  const word = (digits: number) => `'0x' || lpad(to_hex(${block * 1_000_000} + n), ${digits}, '0')`
  const made: Partial<Record<keyof Row<'inferenceRequest'>, string>> = {
    id: word(8),
    requestId: `${block * 1_000_000} + n`,
    requester: word(40),
    inputHash: word(64),
    input: input === null ? `'0x'` : `'0x' || repeat(lpad(to_hex(n), 8, '0'), ${input / 4})`,
    logIndex: 'n',
    blockNumber: `${block}`,
    callbackGasLimit: `${callbackGasLimit}`,
    ...(deadline === undefined ? {} : { deadline: `${deadline}` }),
  }
  const row = requestRow(0)
  const columns = Object.keys(indexTables.inferenceRequest) as (keyof typeof row)[]
  const values = columns.map((column) => made[column] ?? `'${row[column]}'`)
  await pool.query(
    `INSERT INTO views.inference_request (${columns.map(snakeCase).join(', ')})
     SELECT ${values.join(', ')} FROM generate_series(1, ${count}) AS n`,
  )
  await pool.query('ANALYZE views.inference_request')
}

export async function insertRequest(pool: Pool, row: Row<'inferenceRequest'>): Promise<void> {
  const columns = Object.keys(indexTables.inferenceRequest) as (keyof typeof row)[]
  await pool.query(
    `INSERT INTO views.inference_request (${columns.map(snakeCase).join(', ')})
     VALUES (${columns.map((_, at) => `$${at + 1}`).join(', ')})`,
    columns.map((column) => String(row[column])),
  )
}

/** How many rows the database reads to answer a query, those among them that it then leaves out. */
export async function rowsRead<T extends TableName>(pool: Pool, query: IndexQuery<T>): Promise<number> {
  const { text, values } = selectStatement('views', query)
  const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [...values])
  return scanned(rows[0]['QUERY PLAN'][0].Plan)
}

interface PlanNode {
  readonly Plans?: readonly PlanNode[]
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
}

function scanned(node: PlanNode): number {
  const below = (node.Plans ?? []).map(scanned)
  if (below.length > 0) return below.reduce((sum, rows) => sum + rows)
  return (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
}
