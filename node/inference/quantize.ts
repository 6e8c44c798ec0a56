import type { Tensor } from '../ports/tensor.ts'

/**
 * value * 10^decimals, rounded to the nearest integer, halves away from zero. Exact: a binary float is m * 2^e with
 * integers m and e, so the product is a fraction of integers and no floating-point rounding takes part.
 * `value` must be finite.
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

/** Every element of a tensor of numbers, which are finite; a `string` tensor has none. */
export function quantizeTensor(tensor: Tensor, decimals: number): bigint[] {
  switch (tensor.type) {
    case 'float32':
      return quantizeFloats(tensor.data, decimals)
    case 'float64':
      return Array.from(tensor.data, (value) => quantize(value, decimals))
    case 'float16':
      return quantizeFloats(halfFloats(tensor.data), decimals)
    case 'string':
      return []
    default: {
      const scale = 10n ** BigInt(decimals)
      return Array.from(tensor.data as Iterable<number | bigint>, (value) => BigInt(value) * scale)
    }
  }
}

/**
 * As `quantize`, for values of at most 24 significant bits. 10^12 has 28 odd bits (5^12), so up to 12 decimals the
 * product fits a double's 53 and is exact; below 2^52 so is its fraction.
 */
function quantizeFloats(values: ArrayLike<number>, decimals: number): bigint[] {
  const scale = 10 ** decimals
  const out: bigint[] = new Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    const magnitude = Math.abs(value) * scale
    if (decimals > 12 || magnitude >= 2 ** 52) out[i] = quantize(value, decimals)
    else {
      const whole = Math.trunc(magnitude)
      const rounded = magnitude - whole >= 0.5 ? whole + 1 : whole
      out[i] = BigInt(value < 0 ? -rounded : rounded)
    }
  }
  return out
}

/** IEEE 754 binary16 bit patterns as numbers. */
export function halfFloats(bits: Uint16Array): Float16Array {
  return new Float16Array(bits.buffer, bits.byteOffset, bits.length)
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
