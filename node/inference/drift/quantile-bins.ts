/** Deciles: what is usual for the index. */
const BINS = 10
/** More digits would only bind noise. */
const DIGITS = 6

/**
 * Bins that hold about equal shares of a sample, with what they hold, in the form of a reference. Where many values are
 * equal there are fewer bins. NaN counts as the least.
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
    const edge = decimalText(values[Math.floor((values.length * i) / BINS)] ?? 0)
    if (edges.length === 0 || Number(edges.at(-1)) < Number(edge)) edges.push(edge)
  }
  const counts = new Array<number>(edges.length + 1).fill(0)
  const limits = Float64Array.from(edges, Number)
  for (const value of values) counts[binOf(limits, value)] = (counts[binOf(limits, value)] ?? 0) + 1
  return { edges, counts }
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

/** A few digits without an exponent; what is smaller than 17 decimals is 0. */
function decimalText(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return '0'
  const decimals = Math.max(0, Math.min(17, DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)))))
  const text = Math.max(-1e17, Math.min(1e17, value)).toFixed(decimals)
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return short === '-0' ? '0' : short
}
