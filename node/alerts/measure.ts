import type { Measure } from '../ports/alerts.ts'
import type { Candle, RollingWindow } from '../ports/series.ts'

type Window = Pick<
  RollingWindow,
  'open' | 'high' | 'low' | 'close' | 'vwap' | 'volumeBase' | 'volumeQuote' | 'trades' | 'deviation'
>

/** The value of a window, prices and amounts as series have them; null where it says nothing: a price without a trade, for one. */
export function measured(measure: Measure, window: Window): number | null {
  const { open, high, low, close, vwap, volumeBase, volumeQuote, trades, deviation } = window
  switch (measure) {
    case 'price':
      return close === null ? null : Number(close)
    case 'vwap':
      return vwap === null ? null : Number(vwap)
    case 'return':
      return change(open, close)
    case 'range':
      return change(low, high)
    case 'volumeBase':
      return Number(volumeBase)
    case 'volumeQuote':
      return Number(volumeQuote)
    case 'trades':
      return trades
    case 'deviation':
      return deviation
  }
}

/** A candle as the window that it is; null stands for one without trades. */
export function windowOf(candle: Candle | null): Window {
  if (candle === null) return EMPTY
  const { volumeBase, volumeQuote } = candle
  return {
    ...candle,
    vwap: volumeBase === 0n ? null : (volumeQuote * 10n ** 18n) / volumeBase,
    deviation: null,
  }
}

const EMPTY: Window = {
  ...{ open: null, high: null, low: null, close: null, vwap: null, deviation: null },
  ...{ volumeBase: 0n, volumeQuote: 0n, trades: 0 },
}

/** Relative: 0.05 is 5 % up. */
function change(from: bigint | null, to: bigint | null): number | null {
  return from === null || to === null || from === 0n ? null : Number(to) / Number(from) - 1
}
