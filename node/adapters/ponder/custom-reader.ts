import type { CustomIndex, CustomQuery } from '../../ports/custom-index.ts'
import type { CustomTable } from '../../ports/custom-tables.ts'
import type { PageQuery } from '../../ports/index-pages.ts'
import { indexShapes } from '../../ports/index-shapes.ts'
import { IndexError } from './errors.ts'
import { checkedSchema } from './names.ts'
import { pageOf, pageStatement } from './page-sql.ts'
import { publicPool, publicReadError } from './public-pool.ts'

/** By what rows come, the newest first. */
const ORDER = ['chainId', 'blockNumber', 'logIndex']

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
  const shapes = indexShapes(tables)
  return {
    close: () => pool.end(),
    tables: () => tables,
    async rows(table, query) {
      const found = tables.find((candidate) => candidate.table === table)
      const shape = shapes.find((candidate) => candidate.table === table)
      if (found === undefined || shape === undefined)
        throw new IndexError('INDEX_BAD_QUERY', `There is no table "${table}". Correct the query.`, {
          data: { table },
        })
      const asked = pageQuery(found, query)
      const { text, values } = pageStatement(schema, shape, asked)
      try {
        const { rows } = await pool.query<unknown[]>({ text, values: [...values], rowMode: 'array' })
        return pageOf(shape, asked.columns, rows)
      } catch (cause) {
        throw publicReadError(table, fastColumns(found), cause)
      }
    },
  }
}

function fastColumns({ columns }: CustomTable): readonly string[] {
  return ['blockNumber', ...columns.filter((column) => column.indexed).map(({ name }) => name)]
}

function pageQuery({ columns }: CustomTable, { where, before, limit }: CustomQuery): PageQuery {
  return {
    columns: columns.map(({ name }) => name),
    where: Object.entries(where).map(([column, value]) => ({ column, op: '=', value })),
    ...{ orderBy: ORDER, direction: 'desc', limit },
    after: before === null ? null : [before.chainId, before.blockNumber, before.logIndex],
  }
}
