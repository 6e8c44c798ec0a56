import { getAddress } from 'viem'
import { type ZodType, z } from 'zod'
import type { CustomIndex, CustomQuery } from '../../ports/custom-index.ts'
import type { CustomColumn, CustomTable } from '../../ports/custom-tables.ts'
import { IyiError } from '../../ports/errors.ts'
import type { RouteSpec } from '../../ports/http.ts'
import {
  cursorSchema,
  decimalSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  hexSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../ports/http-schemas.ts'
import type { IndexPage, PageRow } from '../../ports/index-pages.ts'
import type { ColumnKind } from '../../ports/index-tables.ts'
import type { NodeView } from './node-view.ts'
import { problem } from './problem.ts'

const columnSchema = z.object({
  name: z.string(),
  kind: z.enum(['int', 'bigint', 'text', 'hex', 'bool', 'json']),
})
const tablesSchema = z.object({
  data: z.array(
    z.object({
      contract: z.string(),
      event: z.string(),
      path: z.string().meta({ description: 'Where its rows are' }),
      columns: z.array(columnSchema),
    }),
  ),
})

type Route = RouteSpec<unknown, Readonly<Record<string, unknown>>, unknown, unknown>

/** What the API says of a column, and how it is asked for. JSON columns can't be. */
const kinds: Readonly<Record<ColumnKind, { readonly value: ZodType; readonly query: ZodType | null }>> = {
  int: { value: z.int(), query: z.coerce.number().int() },
  bigint: { value: decimalSchema, query: decimalSchema.transform((text) => BigInt(text)) },
  text: { value: z.string(), query: z.string().max(1_000) },
  hex: { value: hexSchema, query: hexSchema },
  bool: { value: z.boolean(), query: z.enum(['true', 'false']).transform((text) => text === 'true') },
  json: {
    value: z.unknown().meta({ description: 'A list, or an object by name; integers as strings' }),
    query: null,
  },
}

const placeSchema = z.tuple([z.int(), unsignedSchema, z.int32()])

/** `GET /v1/index`: the tables of operators' own contracts. */
export function customTablesRoute(custom: CustomIndex): Route {
  return {
    method: 'get',
    path: '/v1/index',
    summary: "Tables of the operator's own contracts, with their columns",
    response: tablesSchema,
    handler: async () => ({
      data: custom.tables().map((table) => ({
        contract: table.contract,
        event: table.event,
        path: pathOf(table),
        columns: table.columns.map(({ name, kind }) => ({ name, kind })),
      })),
    }),
  } as Route
}

/** `GET /v1/index/<contract>/<event>`: rows, newest first; every column but JSON ones may be asked for by its value. */
export function customRowsRoute(table: CustomTable, custom: CustomIndex, node: NodeView): Route {
  const asked = table.columns.filter(
    ({ kind, name }) => kinds[kind].query !== null && !RESERVED.includes(name),
  )
  return {
    method: 'get',
    path: pathOf(table),
    summary: `Rows of ${table.contract}'s event ${table.event}, newest first`,
    query: z.object({
      ...Object.fromEntries(asked.map(({ name, kind }) => [name, (kinds[kind].query as ZodType).optional()])),
      limit: limitSchema,
      cursor: cursorSchema.optional(),
    }),
    response: listSchema(z.object(Object.fromEntries(table.columns.map(fieldOf)))),
    handler: async ({ query }) => {
      const { limit, cursor, ...where } = query as { limit: number; cursor?: string }
      const meta = freshnessToMeta(await node.freshness())
      const page = await rowsOrWhy(custom, table.table, {
        where: Object.fromEntries(
          Object.entries(where).filter(([, value]) => value !== undefined),
        ) as CustomQuery['where'],
        before: cursor === undefined ? null : placeOf(decodeCursor(placeSchema, cursor)),
        limit,
      })
      return {
        data: page.rows.map((row) => shown(table.columns, row)),
        meta,
        nextCursor: nextOf(page, limit),
      }
    },
  } as Route
}

/** What GraphQL tells too: an answer may not be seconds away where a build is still being made. */
async function rowsOrWhy(custom: CustomIndex, ...asked: Parameters<CustomIndex['rows']>): Promise<IndexPage> {
  try {
    return await custom.rows(...asked)
  } catch (error) {
    if (error instanceof IyiError && error.code === 'INDEX_UNAVAILABLE')
      throw problem(503, error.code, error.message)
    throw error
  }
}

/** Names of the list's own parameters: columns called so can't be asked for. */
const RESERVED = ['limit', 'cursor']

function pathOf({ contract, event }: CustomTable): string {
  return `/v1/index/${contract}/${event}`
}

function fieldOf({ name, kind }: CustomColumn): [string, ZodType] {
  return [name, kinds[kind].value]
}

/** Amounts as strings; the contract's address with its checksum, as everywhere in the API. */
function shown(columns: readonly CustomColumn[], row: PageRow): Record<string, unknown> {
  return Object.fromEntries(
    columns.map(({ name, input }) => {
      const value = row[name]
      if (typeof value === 'bigint') return [name, value.toString()]
      return [name, name === 'address' && input === null ? getAddress(String(value)) : value]
    }),
  )
}

function placeOf([chainId, blockNumber, logIndex]: z.output<typeof placeSchema>) {
  return { chainId, blockNumber: BigInt(blockNumber), logIndex }
}

function nextOf({ rows, isCut }: IndexPage, limit: number): string | null {
  const last = rows.length < limit && !isCut ? undefined : rows.at(-1)
  return last === undefined
    ? null
    : encodeCursor([Number(last.chainId), String(last.blockNumber), Number(last.logIndex)])
}
