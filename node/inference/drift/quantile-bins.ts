/** Deciles: what is usual for the index. */
const BINS = 10
/** More digits bind noise, where fewer tell two values apart. */
const DIGITS = 6
/** Of the whole width: what is closer is one value, which another machine rounded otherwise. */
const NOISE = 1e-9

/**
 * Bins that hold about equal shares of a sample, with what they hold, in the form of a reference. An edge lies between
 * two values of the sample, never at one, so that a last bit decides nothing; many equal values have a bin to themselves.
 *
 * @param values at least one; is sorted in place
 */
export function quantileBins(values: Float64Array | Float32Array): {
  readonly edges: readonly string[]
  readonly counts: readonly number[]
} {
  values.sort()
  const edges: string[] = []
  for (let i = 1; i < BINS; i++) {
    const edge = edgeNear(values, Math.floor((values.length * i) / BINS))
    if (edge !== null && (edges.length === 0 || Number(edges.at(-1)) < Number(edge))) edges.push(edge)
  }
  if (edges.length === 0) edges.push(...around(values[0] ?? 0))
  const counts = new Array<number>(edges.length + 1).fill(0)
  const limits = Float64Array.from(edges, Number)
  for (const value of values) {
    const bin = binOf(limits, value)
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { edges, counts }
}

/** Between the two different neighbours that are nearest to a place; null where there are none, or 17 decimals do not tell them apart. */
function edgeNear(sorted: Float64Array | Float32Array, place: number): string | null {
  const value = sorted[place] ?? 0
  const least = ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) * NOISE
  let [first, next] = [place, place + 1]
  while (first > 0 && value - (sorted[first - 1] ?? 0) <= least) first--
  while (next < sorted.length && (sorted[next] ?? 0) - value <= least) next++
  const at = first > 0 && (place - first <= next - place || next === sorted.length) ? first : next
  const [below, above] = [sorted[at - 1], sorted[at]]
  return below === undefined || above === undefined ? null : between(below, above)
}

/** As short as it can be. */
function between(below: number, above: number): string | null {
  const middle = below + (above - below) / 2
  for (let digits = DIGITS; digits <= 17; digits++) {
    const text = decimalText(middle, digits)
    if (below <= Number(text) && Number(text) < above) return text
  }
  return null
}

/** Of values that are all the same: a bin for them, and one on either side. */
function around(value: number): readonly string[] {
  const width = Math.max(1, Math.abs(value)) * 1e-3
  return [...new Set([decimalText(value - width, DIGITS), decimalText(value + width, DIGITS)])]
}

/** Which bin a value falls into: how many edges are below it. */
export function binOf(edges: Float64Array, value: number): number {
  let [low, high] = [0, edges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > (edges[middle] ?? 0)) low = middle + 1
    else high = middle
  }
  return low
}

/** So many digits without an exponent; what is smaller than 17 decimals is 0. */
function decimalText(value: number, digits: number): string {
  if (value === 0 || !Number.isFinite(value)) return '0'
  const decimals = Math.max(0, Math.min(17, digits - 1 - Math.floor(Math.log10(Math.abs(value)))))
  const text = Math.max(-1e17, Math.min(1e17, value)).toFixed(decimals)
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return short === '-0' ? '0' : short
}
