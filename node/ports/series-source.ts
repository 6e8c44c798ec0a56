import type { Address } from './chain.ts'
import type { Factory } from './custom-tables.ts'
import type { CandleInterval } from './series.ts'

/** A series that an operator defined: each such event of a contract is one fill. */
export interface FillSource {
  /** Of the series. */
  readonly id: string
  readonly chainId: number
  /** Only their events count; all of that name where a factory says which they are. */
  readonly contracts: { readonly addresses: readonly Address[] } | { readonly factory: Factory }
  /** What the event log calls it. */
  readonly event: string
  /** Which arguments say how much was traded, and for what. */
  readonly fields:
    | { readonly base: string; readonly quote: string }
    /** `price` is quote per base in base units of both, times 10^`priceScale`. */
    | { readonly base: string; readonly price: string; readonly priceScale: number }
}

/** How long trades and candles of each width are kept, in seconds of the chain; null for ever. */
export type SeriesRetention = Readonly<Record<'trades' | CandleInterval, number | null>>
