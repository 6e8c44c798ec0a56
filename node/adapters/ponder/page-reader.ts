import type { CustomTable } from '../../ports/custom-tables.ts'
import type { IndexPages } from '../../ports/index-pages.ts'
import { type IndexShape, indexShapes } from '../../ports/index-shapes.ts'
import { IndexError } from './errors.ts'
import { checkedSchema } from './names.ts'
import { pageOf, pageStatement } from './page-sql.ts'
import { publicPool, publicReadError } from './public-pool.ts'

/**
 * Reads pages of every public table and of the operator's own through the views, over connections of its own. Each page is
 * one statement, so a build that takes over the views meanwhile waits for nobody.
 *
 * Rejects with `INDEX_UNAVAILABLE` (retry), `INDEX_TOO_SLOW`, `INDEX_BAD_QUERY`.
 */
export function indexPages(options: {
  readonly viewsSchema: string
  /** Of operators' own contracts. */
  readonly tables: readonly CustomTable[]
  readonly databaseUrl: string
}): IndexPages & { close(): Promise<void> } {
  const schema = checkedSchema(options.viewsSchema)
  const shapes = indexShapes(options.tables)
  const indexed = new Map(options.tables.map(({ table, columns }) => [table, fastColumns(columns)]))
  const pool = publicPool({ databaseUrl: options.databaseUrl, name: 'iyi index pages' })

  function shapeOf(name: string): IndexShape {
    const found = shapes.find((candidate) => candidate.name === name)
    if (found !== undefined) return found
    throw new IndexError('INDEX_BAD_QUERY', `There is no table "${name}". Correct the query.`, {
      data: { table: name },
    })
  }

  return {
    close: () => pool.end(),
    shapes: () => shapes,
    async page(name, query) {
      const shape = shapeOf(name)
      const { text, values } = pageStatement(schema, shape, query)
      try {
        const { rows } = await pool.query<unknown[]>({ text, values: [...values], rowMode: 'array' })
        return pageOf(shape, query.columns, rows)
      } catch (cause) {
        throw publicReadError(name, indexed.get(shape.table) ?? publicFast(shape), cause)
      }
    },
  }
}

function fastColumns(columns: CustomTable['columns']): readonly string[] {
  return ['blockNumber', ...columns.filter((column) => column.indexed).map(({ name }) => name)]
}

/** What the tables of our own are indexed by: the chain, the contract, and the age. */
function publicFast({ columns, order }: IndexShape): readonly string[] {
  const contract = columns.filter(({ isContract }) => isContract).map(({ name }) => name)
  return [...new Set(['chainId', ...contract, ...order])]
}
