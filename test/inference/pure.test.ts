import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalDigest, canonicalJson } from '../../node/inference/canonical-json.ts'
import { agree, quantize } from '../../node/inference/quantize.ts'

describe('quantisation', () => {
  it('rounds halves away from zero, exactly', () => {
    expect(quantize(0.5, 0)).toBe(1n)
    expect(quantize(-0.5, 0)).toBe(-1n)
    expect(quantize(1.5, 0)).toBe(2n)
    expect(quantize(2.5, 0)).toBe(3n)
    expect(quantize(-2.5, 0)).toBe(-3n)
    expect(quantize(0.49999999999999994, 0)).toBe(0n)
    expect(quantize(-0, 8)).toBe(0n)
    expect(quantize(0.125, 2)).toBe(13n)
    expect(quantize(Number.MIN_VALUE, 18)).toBe(0n)
    expect(quantize(2 ** 100, 3)).toBe(2n ** 100n * 1000n)
    // The double nearest to 1.005 lies below it.
    expect(quantize(1.005, 2)).toBe(100n)
    expect(quantize(Math.fround(0.1), 18)).toBe(100_000_001_490_116_119n)
  })

  it('is the nearest integer for every float32', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 0, max: 18 }),
        (value, decimals) => {
          const got = quantize(value, decimals)
          expect(quantize(-value, decimals)).toBe(-got)
          // |value * 10^d - got| <= 1/2, in units of 2^-149, of which every float32 is a whole number.
          const units = quantizeExactly(value) * 10n ** BigInt(decimals)
          const gap = units - got * 2n ** 149n
          expect((gap < 0n ? -gap : gap) * 2n <= 2n ** 149n).toBe(true)
        },
      ),
    )
  })

  it('agrees within the larger of both tolerances', () => {
    const tolerance = { absolute: 20n, relativePpm: 100 }
    expect(agree(120n, 100n, tolerance)).toBe(true)
    expect(agree(121n, 100n, tolerance)).toBe(false)
    expect(agree(1_000_100n, 1_000_000n, tolerance)).toBe(true)
    expect(agree(1_000_101n, 1_000_000n, tolerance)).toBe(false)
    expect(agree(-1_000_100n, -1_000_000n, tolerance)).toBe(true)
    expect(agree(-10n, 10n, tolerance)).toBe(true)
  })
})

/** value * 2^149 of a float32, by exact steps. */
function quantizeExactly(value: number): bigint {
  let rest = Math.abs(value)
  let power = 149
  while (!Number.isSafeInteger(rest) && power > 0) {
    rest *= 2
    power -= 1
  }
  const magnitude = BigInt(rest) * 2n ** BigInt(power)
  return value < 0 ? -magnitude : magnitude
}

describe('canonical JSON', () => {
  it('sorts keys by UTF-16 code units and escapes as RFC 8785 says', () => {
    // The example of RFC 8785, section 3.2.3, less its number.
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    expect(canonicalJson(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    )
    expect(canonicalJson({ b: [null, true, -1, 0, ''], a: {} })).toBe('{"a":{},"b":[null,true,-1,0,""]}')
    expect(canonicalJson('\u20ac$\u000F\nA\'B"\\"/')).toBe('"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/"')
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.integer()), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).reverse())
        Object.setPrototypeOf(record, Object.prototype)
        expect(canonicalJson(reversed)).toBe(canonicalJson(record))
      }),
    )
  })

  it('refuses what has no single form', () => {
    for (const value of [
      0.5,
      Number.NaN,
      Infinity,
      2 ** 53,
      undefined,
      1n,
      '\ud800',
      { '\udc00': 1 },
      new Map(),
      new Date(),
    ])
      expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'INFERENCE_BAD_MANIFEST' }))
  })

  it('hashes with keccak256', () => {
    // keccak256 of the two bytes `{}`, as any Ethereum library gives it.
    expect(canonicalDigest({})).toBe('0xb48d38f93eaa084033fc5970bf96e559c33c4cdc07d889ab00b4d63f9590739d')
  })
})
