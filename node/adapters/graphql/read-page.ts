import type { PageQuery, PageRow } from '../../ports/index-pages.ts'
import type { IndexShape, ShapeColumn } from '../../ports/index-shapes.ts'
import { cursorAt, placeOf } from './cursor.ts'
import { GraphqlFault } from './errors.ts'
import type { Filter } from './filter.ts'
import { limits } from './limits.ts'
import type { RequestScope } from './request-scope.ts'

export interface PageArguments {
  readonly where?: Readonly<Record<string, unknown>> | null
  readonly orderBy?: string | null
  readonly orderDirection?: 'asc' | 'desc' | null
  readonly limit?: number | null
  readonly after?: string | null
  readonly before?: string | null
}

export interface Page {
  readonly items: readonly PageRow[]
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
}

/** `limit` of a list, checked. Throws `GRAPHQL_BAD_INPUT`. */
export function limitOf({ limit }: Pick<PageArguments, 'limit'>): number {
  const wanted = limit ?? limits.defaultPage
  if (wanted >= 1 && wanted <= limits.page) return wanted
  throw new GraphqlFault('GRAPHQL_BAD_INPUT', `limit is ${wanted}; give an integer from 1 to ${limits.page}.`)
}

/** Reads a page from a cursor on: no row twice and none left out, whatever comes in at the newest end meanwhile. */
export async function readPage(
  shape: IndexShape,
  filter: Filter,
  { given, columns }: { readonly given: PageArguments; readonly columns: readonly string[] },
  scope: RequestScope,
): Promise<Page> {
  const limit = limitOf(given)
  const direction = given.orderDirection ?? 'desc'
  const order = orderOf(shape, given.orderBy ?? null)
  const after = given.after ?? null
  const before = given.before ?? null
  if (after !== null && before !== null)
    throw new GraphqlFault('GRAPHQL_BAD_INPUT', 'Give either after or before, not both.')
  const orderBy = order.map(({ name }) => name)
  const query = (way: PageQuery['direction'], from: string | null): PageQuery => ({
    columns: [...new Set([...orderBy, ...columns])],
    where: filter.conditions(given.where ?? {}),
    orderBy,
    direction: way,
    after: from === null ? null : placeOf(order, direction, from),
    // One more tells whether there is more.
    limit: limit + 1,
  })
  const backwards = before !== null
  const found = await scope.page(
    shape.name,
    backwards ? query(opposite(direction), before) : query(direction, after),
  )
  const rows = found.rows.slice(0, limit)
  const items = backwards ? rows.toReversed() : rows
  const more = found.isCut || found.rows.length > rows.length
  const cursor = (row: PageRow | undefined) => (row === undefined ? null : cursorAt(order, direction, row))
  return {
    items,
    pageInfo: {
      hasNextPage: backwards || more,
      hasPreviousPage: backwards ? more : after !== null,
      startCursor: cursor(items[0]),
      endCursor: cursor(items.at(-1)),
    },
  }
}

/** The columns by which rows are in order: the wanted one, then those that tell rows apart. */
function orderOf(shape: IndexShape, first: string | null): readonly ShapeColumn[] {
  const names = first === null ? shape.order : [first, ...shape.order.filter((name) => name !== first)]
  return names.flatMap((name) => shape.columns.filter((column) => column.name === name))
}

function opposite(direction: 'asc' | 'desc'): 'asc' | 'desc' {
  return direction === 'asc' ? 'desc' : 'asc'
}
