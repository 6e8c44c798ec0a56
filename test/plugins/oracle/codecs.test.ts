import fc from 'fast-check'
import { bytesToHex, encodeAbiParameters, hexToBytes, keccak256, toHex } from 'viem'
import { describe, expect, test } from 'vitest'
import type { Codec } from '../../../node/ports/quorum.ts'
import { observationAbi, observationCodec, outcomeCodec, queryCodec } from '../../../plugins/oracle/codecs.ts'
import { outcome, pin } from './kit.ts'

const int192 = fc.bigInt({ min: -(2n ** 191n), max: 2n ** 191n - 1n })
const seconds = fc.nat({ max: 2 ** 32 - 1 })
const onchain = fc.option(fc.record({ answer: int192, timestamp: seconds }))
const pins = fc.array(
  fc.record({
    chainId: fc.integer({ min: 1, max: 2 ** 31 }),
    number: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    hash: fc.nat().map((value) => keccak256(toHex(value))),
    timestamp: seconds,
  }),
  { maxLength: 4 },
)
const outcomes = fc.record({
  feedId: fc.stringMatching(/^[a-z0-9-]{1,63}$/),
  modelDigest: fc.nat().map((value) => keccak256(toHex(value))),
  pins,
  observations: fc.array(fc.record({ oracle: fc.nat({ max: 30 }), value: int192, accepted: fc.boolean() }), {
    maxLength: 31,
  }),
  answer: int192,
  spread: fc.bigInt({ min: 0n, max: 2n ** 192n - 1n }),
  timestamp: seconds,
  agreed: fc.boolean(),
  due: fc.boolean(),
  lastReport: onchain,
})

const codecs: readonly [string, Codec<unknown>, Uint8Array][] = [
  ['query', queryCodec as Codec<unknown>, queryCodec.encode({ pins: [pin(1), pin(2, { chainId: 31338 })] })],
  ['observation', observationCodec as Codec<unknown>, observationCodec.encode({ value: -5n, onchain: null })],
  ['outcome', outcomeCodec as Codec<unknown>, outcomeCodec.encode(outcome())],
]
const badBytes = expect.objectContaining({ code: 'ORACLE_BAD_BYTES' })

describe('round trips', () => {
  test('query', () => {
    fc.assert(
      fc.property(pins, (value) => {
        expect(queryCodec.decode(queryCodec.encode({ pins: value }))).toEqual({ pins: value })
      }),
      { numRuns: 50 },
    )
  })

  test('observation', () => {
    fc.assert(
      fc.property(int192, onchain, (value, seen) => {
        const observation = { value, onchain: seen }
        expect(observationCodec.decode(observationCodec.encode(observation))).toEqual(observation)
      }),
      { numRuns: 50 },
    )
  })

  test('outcome', () => {
    fc.assert(
      fc.property(outcomes, (value) => {
        expect(outcomeCodec.decode(outcomeCodec.encode(value))).toEqual(value)
      }),
      { numRuns: 50 },
    )
  })
})

describe.each(codecs)('%s: what the codec would not have written is refused', (_name, codec, bytes) => {
  const decode = (value: Uint8Array) => () => codec.decode(value)

  test('nothing, a byte, a word', () => {
    for (const length of [0, 1, 31, 32, 33]) expect(decode(new Uint8Array(length))).toThrow(badBytes)
  })

  test('trailing bytes', () => {
    expect(decode(new Uint8Array([...bytes, 0]))).toThrow(badBytes)
    expect(decode(new Uint8Array([...bytes, ...new Uint8Array(32)]))).toThrow(badBytes)
  })

  test('truncated anywhere', () => {
    for (let end = 0; end < bytes.length; end += 7) expect(decode(bytes.slice(0, end))).toThrow(badBytes)
  })

  test('any word turned into a huge number', () => {
    for (let at = 0; at < bytes.length; at += 32) {
      const changed = bytes.slice()
      changed.fill(0xff, at, at + 32)
      // A hash or a negative value may be all ones; then the bytes are canonical and come back alike.
      let again: Uint8Array | undefined
      try {
        again = codec.encode(codec.decode(changed))
      } catch (error) {
        expect(error).toEqual(badBytes)
      }
      if (again !== undefined) expect(bytesToHex(again)).toBe(bytesToHex(changed))
    }
  })

  test('random bytes and random damage: ORACLE_BAD_BYTES or exactly the same bytes again', () => {
    const damaged = fc
      .array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 4,
      })
      .map((changes) => {
        const copy = bytes.slice()
        for (const [at, value] of changes) copy[at] = value
        return copy
      })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 400 })), (candidate) => {
        try {
          expect(bytesToHex(codec.encode(codec.decode(candidate)))).toBe(bytesToHex(candidate))
        } catch (error) {
          expect(error).toEqual(badBytes)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('lenient forms of the ABI', () => {
  const types = [{ type: 'int256' }, { type: 'uint256' }, { type: 'int256' }, { type: 'uint256' }] as const
  const raw = (values: readonly [bigint, bigint, bigint, bigint]) =>
    hexToBytes(encodeAbiParameters(types, values))

  test('an answer beside "no round"', () => {
    expect(() => observationCodec.decode(raw([1n, 0n, 7n, 0n]))).toThrow(badBytes)
    expect(() => observationCodec.decode(raw([1n, 0n, 0n, 7n]))).toThrow(badBytes)
  })

  test('a value beyond int192, a boolean of 2, a timestamp beyond 2^53', () => {
    expect(() => observationCodec.decode(raw([2n ** 191n, 0n, 0n, 0n]))).toThrow(badBytes)
    expect(() => observationCodec.decode(raw([1n, 2n, 0n, 0n]))).toThrow(badBytes)
    expect(() => observationCodec.decode(raw([1n, 1n, 0n, 2n ** 60n + 1n]))).toThrow(badBytes)
  })

  test('an offset that skips a word', () => {
    const query = bytesToHex(queryCodec.encode({ pins: [pin(1)] })).slice(2)
    const shifted = `0x${'40'.padStart(64, '0')}${'0'.repeat(64)}${query.slice(64)}` as const
    expect(() => queryCodec.decode(hexToBytes(shifted))).toThrow(badBytes)
  })

  test('a list that claims more entries than there are bytes', () => {
    const claim = `0x${'20'.padStart(64, '0')}${'f'.repeat(64)}` as const
    expect(() => queryCodec.decode(hexToBytes(claim))).toThrow(badBytes)
  })

  test('an observation is what anybody decodes with the published types', () => {
    const bytes = observationCodec.encode({ value: -7n, onchain: { answer: 3n, timestamp: 9 } })
    expect(bytesToHex(bytes)).toBe(encodeAbiParameters(observationAbi, [-7n, true, 3n, 9n]))
  })
})
