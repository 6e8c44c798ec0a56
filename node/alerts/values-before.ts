import type { AlertCondition, AlertRule } from '../ports/alerts.ts'
import { candleIntervals, candleSeconds, type SeriesReader } from '../ports/series.ts'
import { measured, windowOf } from './measure.ts'

/**
 * The values of the whole windows before the running one, aligned to the width as candles are: each is one candle. A
 * window without trades has volume 0 and no price.
 */
export async function valuesBefore(
  { measure, windowSeconds }: AlertRule,
  { of }: AlertCondition & { readonly kind: 'unlike' },
  { series, id, until }: { readonly series: SeriesReader; readonly id: string; readonly until: number },
): Promise<readonly number[]> {
  const interval = candleIntervals.find((name) => candleSeconds[name] === windowSeconds)
  if (interval === undefined) throw new RangeError(`no candle is ${windowSeconds} s wide`)
  // What the running window has a part of is not held against it.
  const to = Math.max(0, Math.floor((until - windowSeconds) / windowSeconds) * windowSeconds)
  const from = Math.max(0, to - of * windowSeconds)
  if (from === to) return []
  const { candles } = await series.candles({ series: id, interval, from, to, limit: of })
  const first = candles.at(-1)?.start ?? to
  const values: number[] = []
  // Before the first trade there was nothing to trade.
  for (let start = first; start < to; start += windowSeconds) {
    const value = measured(measure, windowOf(candles.find((candle) => candle.start === start) ?? null))
    if (value !== null) values.push(value)
  }
  return values
}
