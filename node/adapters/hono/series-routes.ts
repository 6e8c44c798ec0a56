import { getAddress } from 'viem'
import { z } from 'zod'
import { ProblemError, type RouteSpec } from '../../ports/http.ts'
import {
  addressSchema,
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
} from '../../ports/http-schemas.ts'
import { type Candle, candleIntervals, type RollingWindow, type SeriesReader } from '../../ports/series.ts'
import { SeriesError } from '../../ports/series-error.ts'
import type { NodeView } from './node-view.ts'
import { InvalidRequestError } from './problem.ts'

// What a route's own types are is known inside it; the gateway checks by its schemas.
type Route = RouteSpec<unknown, Readonly<Record<string, unknown>>, unknown, unknown>

const MAX_TIME = 2 ** 53 - 1

/** Digits alone: a coerced number would also take `1e1` and `0x10`. */
const whole = (least: number, most: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value),
    z.number().int().min(least).max(most),
  )
const seconds = () => whole(0, MAX_TIME)

const params = z.object({
  id: z.string().min(1).max(128).meta({ description: '`id` of `GET /v1/series`' }),
})
const interval = z.enum(candleIntervals)

/** Not `unsignedSchema`: prices, and sums of amounts, may have more than 256 bits. */
const digits = (description: string) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]*)$/)
    .meta({ description, example: '1000000' })
const price = () => digits('Quote per base in base units of both, times 10^18')
const amount = (what: string) => digits(`${what}, in base units`)
const known = z.int().nullable().meta({
  description:
    'Unix seconds before which the trades of its chain are all in; null at first. More of that second itself may follow',
})

const seriesSchema = z.object({
  id: z.string(),
  chainId: z.int().positive(),
  address: addressSchema.nullable().meta({ description: 'Null where it is of several contracts' }),
  source: z
    .enum(['pool', 'event'])
    .meta({ description: "`pool`: swaps, token1 per token0. `event`: an event of an operator's contract" }),
})

const candleSchema = z.object({
  start: z.int().meta({ description: 'Unix seconds, a multiple of the width' }),
  open: price(),
  high: price(),
  low: price(),
  close: price(),
  volumeBase: amount('What was traded'),
  volumeQuote: amount('What was paid'),
  trades: z.int(),
  final: z
    .boolean()
    .meta({ description: 'No reorganisation changes it any more, and no further trade falls into it' }),
})

const rollingSchema = z.object({
  from: z.int().meta({ description: 'First second' }),
  until: z.int().meta({ description: 'Last second' }),
  open: price().nullable(),
  high: price().nullable(),
  low: price().nullable(),
  close: price().nullable(),
  vwap: price().nullable().meta({ description: 'Volume-weighted average price' }),
  volumeBase: amount('What was traded'),
  volumeQuote: amount('What was paid'),
  trades: z.int(),
  deviation: z.number().nullable().meta({
    description:
      'Standard deviation of the logarithmic returns between closes of `of` that follow each other; null below two returns',
  }),
  of: interval.meta({ description: 'Width of the candles that it was computed from' }),
})

const listQuery = z.object({ limit: limitSchema, cursor: cursorSchema.optional() })

const candlesQuery = z.object({
  interval: interval.meta({ description: 'Width' }),
  from: seconds().optional().meta({ description: 'Unix seconds: candles that start then or later' }),
  to: seconds().optional().meta({ description: 'Unix seconds: candles that start before' }),
  limit: whole(1, 1_000).default(100).meta({ description: 'Most entries to answer with' }),
  cursor: cursorSchema.optional(),
})

const units = { s: 1, m: 60, h: 3_600, d: 86_400 }
const rollingQuery = z.object({
  window: z
    .string()
    .regex(/^[1-9][0-9]{0,8}[smhd]$/, 'must be a length such as 90s, 15m, 1h or 7d')
    .meta({ description: 'Length of the window', example: '1h' }),
  until: seconds()
    .optional()
    .meta({ description: "Unix seconds: its end; the time of the chain's newest indexed block when absent" }),
})

/** `GET /v1/series`, its candles and its rolling windows. */
export function seriesRoutes(series: SeriesReader, node: Pick<NodeView, 'freshness'>): readonly Route[] {
  const meta = async () => freshnessToMeta(await node.freshness())
  return [
    {
      method: 'get',
      path: '/v1/series',
      summary: 'Time series of trades: every indexed pool, and what the operator defined; by id',
      query: listQuery,
      response: listSchema(seriesSchema),
      handler: async ({ query }) => {
        const { limit, cursor } = query as z.output<typeof listQuery>
        const after = cursor === undefined ? '' : decodeCursor(z.string().min(1).max(128), cursor)
        // One more tells whether there is a next page.
        const found = await told(() => series.list({ after, limit: limit + 1 }))
        const data = found.slice(0, limit)
        return {
          data: data.map(({ address, ...each }) => ({
            ...each,
            address: address === null ? null : getAddress(address),
          })),
          meta: await meta(),
          nextCursor: data.length < found.length ? encodeCursor(data.at(-1)?.id ?? '') : null,
        }
      },
    },
    {
      method: 'get',
      path: '/v1/series/{id}/candles',
      summary: 'Candles of one width, newest first; an interval without trades has none',
      params,
      query: candlesQuery,
      response: listSchema(candleSchema).extend({ knownUntil: known }),
      handler: async ({ params: asked, query }) => {
        const id = idOf(asked)
        const { cursor, from, to, limit, interval: width } = query as z.output<typeof candlesQuery>
        if (from !== undefined && to !== undefined && from >= to)
          throw new InvalidRequestError([{ path: 'query.from', message: 'must be before `to`' }])
        const before = cursor === undefined ? MAX_TIME : decodeCursor(z.int().min(0), cursor)
        const fresh = await meta()
        const { candles, knownUntil } = await told(() =>
          series.candles({
            ...{ series: id, interval: width, limit, to: Math.min(to ?? MAX_TIME, before) },
            ...(from === undefined ? {} : { from }),
          }),
        )
        const last = candles.length < limit ? undefined : candles.at(-1)
        return {
          data: candles.map(candleJson),
          ...{ meta: fresh, knownUntil },
          nextCursor: last === undefined ? null : encodeCursor(last.start),
        }
      },
    },
    {
      method: 'get',
      path: '/v1/series/{id}/rolling',
      summary: 'Price, volume and volatility of a window that ends now, or then',
      params,
      query: rollingQuery,
      response: itemSchema(rollingSchema),
      handler: async ({ params: asked, query }) => {
        const { window, until } = query as z.output<typeof rollingQuery>
        const unit = window.slice(-1) as keyof typeof units
        const windowSeconds = Number(window.slice(0, -1)) * units[unit]
        const fresh = await meta()
        const found = await told(() =>
          series.rolling({
            ...{ series: idOf(asked), windowSeconds },
            ...(until === undefined ? {} : { until }),
          }),
        )
        return { data: rollingJson(found), meta: fresh }
      },
    },
  ]
}

/** Ids are in lower case; an address in one may come with its checksum. */
const idOf = (asked: unknown) => (asked as z.output<typeof params>).id.toLowerCase()

function candleJson({ open, high, low, close, volumeBase, volumeQuote, ...rest }: Candle) {
  return { ...rest, ...texts({ open, high, low, close, volumeBase, volumeQuote }) }
}

function rollingJson(found: RollingWindow) {
  const { open, high, low, close, vwap, volumeBase, volumeQuote, ...rest } = found
  return { ...rest, ...texts({ open, high, low, close, vwap, volumeBase, volumeQuote }) }
}

function texts(values: Readonly<Record<string, bigint | null>>) {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value === null ? null : value.toString()]),
  )
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SeriesError) || error.retry) throw error
    const isUnknown = error.code === 'SERIES_UNKNOWN'
    if (!isUnknown && error.code !== 'SERIES_BAD_QUERY') throw error
    throw new ProblemError({
      status: isUnknown ? 404 : 400,
      code: error.code,
      title: isUnknown ? 'Unknown series' : 'Bad query',
      detail: error.message,
    })
  }
}
