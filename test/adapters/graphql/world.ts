import { systemClock } from '../../../node/adapters/clock/system.ts'
import { graphqlApi } from '../../../node/adapters/graphql/graphql-api.ts'
import { customIndex } from '../../../node/adapters/ponder/custom-reader.ts'
import { indexPages } from '../../../node/adapters/ponder/page-reader.ts'
import { type CustomContract, customTables, snakeCase } from '../../../node/ports/custom-tables.ts'
import type { ChainFreshness } from '../../../node/ports/index-reader.ts'
import { indexShapes } from '../../../node/ports/index-shapes.ts'
import { startPostgres, testPool } from '../ponder/fixture.ts'
import { recordingLogger } from '../ponder/recorders.ts'
import { sqlTypes } from '../ponder/views.ts'

export const VIEWS = 'views'

/** A contract whose names try to get into the way of those of the schema. */
export const odd: CustomContract = {
  ...{ name: 'odd', chainId: 7, startBlock: 0, source: { addresses: [] } },
  events: [
    {
      type: 'event',
      name: 'Paid',
      inputs: [
        { name: 'to', type: 'address', indexed: true },
        { name: 'value', type: 'uint256' },
        { name: 'value_gte', type: 'bool' },
        { name: '__gap', type: 'int8' },
        { name: 'memo', type: 'string' },
        { name: 'list', type: 'uint8[]' },
        { name: 'true', type: 'uint256' },
        { name: 'tokenID', type: 'uint256' },
      ],
    },
    { type: 'event', name: 'Paids', inputs: [] },
  ],
}
const tables = customTables(odd)

export const freshness: readonly ChainFreshness[] = [
  {
    ...{ chainId: 7, name: 'seven', finalized: 3n, lagBlocks: 2 },
    head: { number: 2n ** 60n, hash: '0xab', timestamp: 100 },
    indexed: { number: 2n ** 60n - 2n, timestamp: 90 },
  },
]

/** PostgreSQL with the tables of the index, as the indexer makes them, and the API over it. */
export async function graphqlWorld() {
  const postgres = await startPostgres()
  const pool = testPool({ connectionString: postgres.url, max: 4 })
  await pool.query(`CREATE SCHEMA ${VIEWS}`)
  for (const { table, columns, key, order } of indexShapes(tables)) {
    const list = columns.map(({ name, kind }) => `"${snakeCase(name)}" ${sqlTypes[kind]} NOT NULL`)
    const names = (of: readonly string[]) => of.map((name) => `"${snakeCase(name)}"`).join(', ')
    await pool.query(`CREATE TABLE ${VIEWS}.${table} (${list.join(', ')}, PRIMARY KEY (${names(key)}))`)
    await pool.query(`CREATE INDEX ON ${VIEWS}.${table} (${names(order)})`)
  }
  const options = { viewsSchema: VIEWS, tables, databaseUrl: postgres.url }
  const pages = indexPages(options)
  const custom = customIndex(options)
  const log = recordingLogger()
  const api = graphqlApi({ pages, index: { freshness: async () => freshness }, clock: systemClock, log })
  return {
    ...{ postgres, pool, pages, custom, api, log },
    async insert(table: string, rows: readonly Readonly<Record<string, unknown>>[]) {
      const shape = indexShapes(tables).find(({ name }) => name === table)
      if (shape === undefined) throw new Error(`no table ${table}`)
      for (const row of rows) {
        const values = shape.columns.map(({ name, kind }) => {
          const value =
            row[name] ??
            { int: 1, bigint: 1n, text: '', hex: `0x${'ab'.repeat(20)}`, bool: true, json: [] }[kind]
          return kind === 'json' ? JSON.stringify(value) : String(value)
        })
        await pool.query(
          `INSERT INTO ${VIEWS}.${shape.table} VALUES (${values.map((_, i) => `$${i + 1}`).join(', ')})`,
          values,
        )
      }
    },
    async close() {
      await Promise.all([pages.close(), custom.close(), pool.end()])
      await postgres.stop()
    },
  }
}
