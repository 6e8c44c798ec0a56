import { z } from 'zod'
import { candleIntervals, candleSeconds } from '../ports/series.ts'
import type { SeriesRetention } from '../ports/series-source.ts'
import { secondsOf } from './duration.ts'
import { nearest } from './nearest.ts'

const kept = (fallback: string, what: string) =>
  z
    .string()
    .regex(/^(?:[1-9]\d{0,5}[smhdy]|forever)$/, 'expected a time such as 90m, 36h, 7d or 1y, or `forever`')
    .default(fallback)
    .describe(what)

/** Each is needed to make the next one anew after a reorganisation. */
const kinds = ['trades', ...candleIntervals] as const
type Kind = (typeof kinds)[number]

const column = () => z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a column')

const fills = z
  .strictObject({
    name: z
      .string()
      .regex(/^(?!pool-)[a-z][a-z0-9_-]{0,47}$/, {
        error: 'expected 1 to 48 lower-case letters, digits, - and _, a letter first, not "pool-"',
      })
      .describe('Id of the series.'),
    contract: z
      .string()
      .min(1)
      .describe('Name of an entry of `indexer.contracts` that has `eventLog: true`.'),
    event: z.string().min(1).describe('Its event: each one is a trade.'),
    base: column().describe(
      'Column with the amount that was traded, as `GET /v1/index` names it; its sign does not count.',
    ),
    quote: column().optional().describe('Column with what was paid for it.'),
    price: column().optional().describe('In place of `quote`: column with the price.'),
    priceScale: z
      .int()
      .min(0)
      .max(77)
      .optional()
      .meta({ examples: [18] })
      .describe(
        'Decimals of `price`: it is quote per base, in base units of both, times 10 to the power of this; 18 when absent.',
      ),
  })
  .refine(({ quote, price }) => (quote === undefined) !== (price === undefined), {
    path: ['quote'],
    error: 'a trade has either a quote or a price',
    params: { remedy: 'give one of the two' },
  })
  .refine(({ price, priceScale }) => priceScale === undefined || price !== undefined, {
    path: ['priceScale'],
    error: 'there is no price that it could be of',
    params: { remedy: 'remove it, or give `price` in place of `quote`' },
  })

/** Time series: candles of every indexed pool, and of what an operator says is a trade. */
export const seriesSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Makes candles of the trades and serves them under /v1/series. What there is stays while it is off.',
      ),
    retention: z
      .strictObject({
        trades: kept('7d', 'The trades themselves.'),
        '1s': kept('2d', 'Candles of a second.'),
        '10s': kept('7d', 'Candles of 10 seconds.'),
        '1m': kept('30d', 'Candles of a minute.'),
        '5m': kept('90d', 'Candles of 5 minutes.'),
        '15m': kept('1y', 'Candles of 15 minutes.'),
        '1h': kept('5y', 'Candles of an hour.'),
        '4h': kept('forever', 'Candles of 4 hours.'),
        '1d': kept('forever', 'Candles of a day (UTC).'),
      })
      .superRefine((value, ctx) => {
        for (const { kind, width } of tooShort(value))
          ctx.addIssue({
            code: 'custom',
            path: [kind],
            message: `is shorter than the ${width} whose candles are made anew from these after a reorganisation`,
            params: { remedy: `keep them for ${width} or longer` },
          })
      })
      .prefault({})
      .describe(
        'How long each is kept behind the newest final block of the chain that is the farthest behind; at least that long, since they go by whole partitions. A time such as 90m, 36h, 7d or 1y (365 days), or `forever`.',
      ),
    events: z
      .array(fills)
      .default([])
      .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, {
        error: 'two series have the same name',
        params: { remedy: 'give each a name of its own' },
      })
      .describe('Series of the trades that contracts of your own tell of, beside those of the pools.'),
  })
  .prefault({})
  .describe('Time series of trades: candles and rolling windows.')

/** Seconds; null for ever. */
export function durationSeconds(text: string): number | null {
  return text === 'forever' ? null : secondsOf(text)
}

export function seriesRetention(texts: Readonly<Record<Kind, string>>): SeriesRetention {
  return Object.fromEntries(kinds.map((kind) => [kind, durationSeconds(texts[kind])])) as SeriesRetention
}

/** What would be gone while candles of the next width are still made from it. */
function tooShort(texts: Readonly<Record<Kind, string>>): readonly { kind: Kind; width: string }[] {
  const retention = seriesRetention(texts)
  return kinds.flatMap((kind, at) => {
    const width = candleIntervals[at]
    const seconds = retention[kind]
    return width !== undefined && seconds !== null && seconds < candleSeconds[width] ? [{ kind, width }] : []
  })
}

interface Checked {
  readonly indexer: {
    readonly contracts: readonly { readonly name: string; readonly eventLog?: boolean | undefined }[]
  }
  readonly series: { readonly events: readonly { readonly contract: string }[] }
}

/** Whether the contracts of the series are there and tell of their events. */
export function checkSeriesContracts({ indexer, series }: Checked, ctx: z.RefinementCtx): void {
  const names = indexer.contracts.map(({ name }) => name)
  for (const [at, { contract }] of series.events.entries()) {
    const found = indexer.contracts.find(({ name }) => name === contract)
    if (found?.eventLog === true) continue
    const close = nearest(contract, names)
    const [message, remedy] =
      found === undefined
        ? [
            'is no entry of indexer.contracts',
            close === null ? `add it there: iyi index add` : `did you mean "${close}"?`,
          ]
        : [
            `the events of ${contract} do not go into the event log`,
            `set eventLog: true at ${contract} in indexer.contracts`,
          ]
    ctx.addIssue({ code: 'custom', path: ['series', 'events', at, 'contract'], message, params: { remedy } })
  }
}
