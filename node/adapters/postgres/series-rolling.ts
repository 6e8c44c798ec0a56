import { candleKinds, type Kept, type Kind, keptSince } from './series-kinds.ts'

/** More candles than this are not gone through for one answer. */
const MOST_CANDLES = 3_600

/** What a window is computed from: candles of `kind` that begin at `from` or later and not after `until`. */
export interface RollingRange {
  readonly kind: Kind
  /** Unix seconds: the first, and the last. */
  readonly from: number
  readonly until: number
}

/**
 * The finest candles that are kept for all of a window and are few enough. A window ends with the candle that `until` lies
 * in, and is as long as was asked, or by less than a candle shorter where the width does not divide that. Null where
 * nothing of the kind is kept.
 */
export function rollingRange(
  { windowSeconds, until }: { readonly windowSeconds: number; readonly until: number },
  kept: Kept,
): RollingRange | null {
  for (const kind of candleKinds) {
    const candles = Math.floor(windowSeconds / kind.id)
    if (candles < 1 || candles > MOST_CANDLES) continue
    const end = until - (until % kind.id) + kind.id
    const from = Math.max(0, end - candles * kind.id)
    if (from >= keptSince(kept, kind)) return { kind, from, until: end - 1 }
  }
  return null
}
