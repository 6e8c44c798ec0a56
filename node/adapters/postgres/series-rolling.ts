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
 * The finest candles that are kept for all of a window and are few enough. The window grows to whole candles at both ends:
 * those of a second fit it exactly. Null where none as narrow as the window are kept for it.
 */
export function rollingRange(
  { windowSeconds, until }: { readonly windowSeconds: number; readonly until: number },
  kept: Kept,
): RollingRange | null {
  const first = Math.max(0, until - windowSeconds + 1)
  const kind = candleKinds.find(
    (each) =>
      windowSeconds >= each.id &&
      windowSeconds <= MOST_CANDLES * each.id &&
      startOf(first, each) >= keptSince(kept, each),
  )
  if (kind === undefined) return null
  return { kind, from: startOf(first, kind), until: startOf(until, kind) + kind.id - 1 }
}

const startOf = (time: number, { id }: Kind) => time - (time % id)
