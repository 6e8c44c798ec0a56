import type { Pool } from 'pg'
import { snakeCase } from '../../../node/adapters/ponder/names.ts'
import { indexTables } from '../../../node/ports/index-tables.ts'

/** Of the index's columns, as Ponder makes them. */
export const sqlTypes = {
  int: 'int8',
  bigint: 'numeric(78)',
  text: 'text',
  hex: 'text',
  bool: 'boolean',
  json: 'json',
}

/** Ponder's word for a place in a chain, at the end of a block. */
export function checkpoint(block: number, chainId = 7): string {
  return `1700000000${`${chainId}`.padStart(16, '0')}${`${block}`.padStart(16, '0')}${'9'.repeat(33)}`
}

/** The schema `views` with all tables of the index, empty, and Ponder's own: it is ready, and one chain is safe up to a block. */
export async function makeViews(
  pool: Pool,
  { id, name, safeBlock }: { id: number; name: string; safeBlock: number },
): Promise<void> {
  const tables = Object.entries(indexTables).map(([table, columns]) => {
    const list = Object.entries(columns).map(
      ([column, kind]) => `${snakeCase(column)} ${sqlTypes[kind]} NOT NULL`,
    )
    return `CREATE TABLE views.${snakeCase(table)} (${list.join(', ')})`
  })
  for (const sql of [
    'CREATE SCHEMA views',
    ...tables,
    'CREATE TABLE views.watermark (chain_id int8 PRIMARY KEY, block_number numeric(78), block_hash text, timestamp numeric(78))',
    'CREATE TABLE views._ponder_meta (key text PRIMARY KEY, value jsonb)',
    'CREATE TABLE views._ponder_checkpoint (chain_name text PRIMARY KEY, chain_id int8, safe_checkpoint varchar(75), latest_checkpoint varchar(75))',
    `INSERT INTO views._ponder_meta VALUES ('app', '{"is_ready": 1}')`,
    `INSERT INTO views._ponder_checkpoint VALUES ('${name}', ${id}, '${checkpoint(safeBlock, id)}', '${checkpoint(99, id)}')`,
  ])
    await pool.query(sql)
}
