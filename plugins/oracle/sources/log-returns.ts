/** One closed price bar: start in Unix seconds, close as an integer price of any scale. */
export interface BarClose {
  readonly start: number
  readonly close: bigint
}

/**
 * Log returns of `window` consecutive bars that end at `end`, oldest first. A bar without a trade keeps the last
 * close, so its return is 0. Null when no bar is old enough to know the first close, or a close is not positive.
 * @param bars any order; bars that start at `end` or later are not looked at
 * @param end Unix seconds, multiple of `barSeconds`
 */
export function logReturns(
  bars: readonly BarClose[],
  end: number,
  options: { window: number; barSeconds: number; invert: boolean },
): Float32Array | null {
  const { window, barSeconds } = options
  const first = end - (window + 1) * barSeconds
  const byStart = [...bars].filter((bar) => bar.start < end).sort((a, b) => a.start - b.start)
  let next = 0
  let close: number | null = null
  const advance = (to: number) => {
    for (let bar = byStart[next]; bar !== undefined && bar.start <= to; bar = byStart[++next])
      close = Number(bar.close)
    return close
  }
  let previous = advance(first)
  if (previous === null || previous <= 0) return null
  const returns = new Float32Array(window)
  for (let at = 0; at < window; at++) {
    const current = advance(first + (at + 1) * barSeconds)
    if (current === null || current <= 0) return null
    const change = Math.log(current / previous)
    returns[at] = options.invert ? -change : change
    previous = current
  }
  return returns
}
