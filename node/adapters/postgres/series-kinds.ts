import { candleIntervals, candleSeconds } from '../../ports/series.ts'
import type { SeriesRetention } from '../../ports/series-source.ts'

const DAY = 86_400

/** What is kept: the trades, and the candles of each width, finest first. Each is made from the one before it. */
export interface Kind {
  readonly name: keyof SeriesRetention
  /** In the database: 0 for trades, else the seconds of the width. */
  readonly id: number
  readonly table: string
  /** Seconds of chain time in one partition. */
  readonly partition: number
}

const partitions: Readonly<Record<keyof SeriesRetention, number>> = {
  trades: DAY,
  '1s': DAY / 4,
  '10s': DAY,
  '1m': 3 * DAY,
  '5m': 10 * DAY,
  '15m': 30 * DAY,
  '1h': 90 * DAY,
  '4h': 180 * DAY,
  '1d': 360 * DAY,
}

export const tradeKind: Kind = { name: 'trades', id: 0, table: 'series_trade', partition: partitions.trades }

/** Finest first. */
export const candleKinds: readonly Kind[] = candleIntervals.map((name) => ({
  ...{ name, id: candleSeconds[name], table: `series_candle_${name}`, partition: partitions[name] },
}))

export const kinds: readonly Kind[] = [tradeKind, ...candleKinds]

/** Since when each kind is complete, by its id. What is older may be gone, and nothing is added there. */
export type Kept = ReadonlyMap<number, number>

export const keptSince = (kept: Kept, { id }: Kind): number => kept.get(id) ?? 0

/** First second of the partition that a moment lies in. */
export function partitionStart({ partition }: Kind, time: number): number {
  return Math.floor(time / partition) * partition
}

/** Since when a kind is to be kept, at a final time of the chains: whole partitions, and never less than before. */
export function wantedSince(kind: Kind, retention: number | null, finalTime: number, since: number): number {
  if (retention === null) return since
  return Math.max(since, partitionStart(kind, Math.max(0, finalTime - retention)))
}

/**
 * Whether candles around a moment can be made anew, each from the kind before it; false where one that is kept needs
 * something that is gone.
 */
export function canMakeAnew(time: number, kept: Kept): boolean {
  return candleKinds.every((kind, at) => {
    const start = time - (time % kind.id)
    const finer = at === 0 ? tradeKind : candleKinds[at - 1]
    return start < keptSince(kept, kind) || finer === undefined || start >= keptSince(kept, finer)
  })
}
