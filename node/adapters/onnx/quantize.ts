/**
 * value * 10^decimals, rounded to the nearest integer, halves away from zero. Exact: a binary float is m * 2^e with
 * integers m and e, so the product is a fraction of integers and no floating-point rounding takes part. (For float32 and
 * up to 12 decimals the product in doubles is exact too, and gives the same.) `value` must be finite.
 */
export function quantize(value: number, decimals: number): bigint {
  if (value === 0) return 0n
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const word = bits.getBigUint64(0)
  const exponent = Number((word >> 52n) & 0x7ffn)
  const fraction = word & 0xf_ffff_ffff_ffffn
  // IEEE 754: subnormals have no hidden bit, and the exponent of the smallest normals.
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  const shift = (exponent === 0 ? 1 : exponent) - 1075
  const scaled = mantissa * 10n ** BigInt(decimals)
  const magnitude = shift >= 0 ? scaled << BigInt(shift) : halfUp(scaled, BigInt(-shift))
  return value < 0 ? -magnitude : magnitude
}

/** scaled / 2^shift to the nearest integer, halves up; of a magnitude, so up is away from zero. */
function halfUp(scaled: bigint, shift: bigint): bigint {
  return (scaled + (1n << (shift - 1n))) >> shift
}

/** Whether two quantised answers agree: at most max(absolute, |expected| * relativePpm / 10^6) apart. */
export function agree(
  got: bigint,
  expected: bigint,
  tolerance: { readonly absolute: bigint; readonly relativePpm: number },
): boolean {
  const gap = distance(got, expected)
  return (
    gap <= tolerance.absolute || gap * 1_000_000n <= magnitudeOf(expected) * BigInt(tolerance.relativePpm)
  )
}

/** |a - b|. */
export function distance(a: bigint, b: bigint): bigint {
  return magnitudeOf(a - b)
}

function magnitudeOf(value: bigint): bigint {
  return value < 0n ? -value : value
}
