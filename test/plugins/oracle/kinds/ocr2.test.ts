import fc from 'fast-check'
import {
  bytesToHex,
  concatHex,
  decodeAbiParameters,
  encodeAbiParameters,
  encodePacked,
  hexToBytes,
  pad,
  parseAbiParameters,
  zeroHash,
} from 'viem'
import { describe, expect, test } from 'vitest'
import { iOcr2AggregatorAbi } from '../../../../contracts/abi/IOcr2Aggregator.ts'
import { oracleFeedAbi } from '../../../../contracts/abi/OracleFeed.ts'
import { feedKind } from '../../../../plugins/oracle/kinds/feed.ts'
import {
  decodeOcr2OnchainConfig,
  encodeOcr2OnchainConfig,
  ocr2Kind,
} from '../../../../plugins/oracle/kinds/ocr2.ts'
import { feedOutcome } from '../../../../plugins/oracle/outcome.ts'
import { evidenceDigest, feedReports } from '../../../../plugins/oracle/report.ts'
import { scalar } from '../../../../plugins/oracle/values/scalar.ts'
import { attributed, FEED_ADDRESS, HOME, limits, ORIGIN, outcome, pin, rules } from '../kit.ts'

const home = { chainId: HOME, address: FEED_ADDRESS } as const
const badBytes = expect.objectContaining({ code: 'ORACLE_BAD_BYTES' })
const numericReport = parseAbiParameters('uint32, bytes32, int192[], int192')

describe('onchainConfig', () => {
  test('is a version byte and two int192, 49 bytes', () => {
    const int192 = fc.bigInt({ min: -(2n ** 191n), max: 2n ** 191n - 1n })
    fc.assert(
      fc.property(int192, int192, (a, b) => {
        const [min, max] = a < b ? [a, b] : [b, a]
        const bytes = encodeOcr2OnchainConfig({ min, max })
        expect(bytes).toBe(encodePacked(['uint8', 'int192', 'int192'], [1, min, max]))
        expect(decodeOcr2OnchainConfig(hexToBytes(bytes))).toEqual({ min, max })
      }),
    )
    expect(encodeOcr2OnchainConfig({ min: -1n, max: 2n })).toBe(
      concatHex(['0x01', `0x${'ff'.repeat(24)}`, pad('0x02', { size: 24 })]),
    )
  })

  test('other bytes are refused', () => {
    const good = encodeOcr2OnchainConfig(limits)
    const ofAFeed = encodeAbiParameters(parseAbiParameters('uint8, int192, int192, uint32, bytes32'), [
      1,
      0n,
      1n,
      60,
      zeroHash,
    ])
    const swapped = encodePacked(['uint8', 'int192', 'int192'], [1, 2n, 1n])
    for (const bytes of ['0x', '0x01', `${good}00`, `0x02${good.slice(4)}`, ofAFeed, swapped] as const)
      expect(() => decodeOcr2OnchainConfig(hexToBytes(bytes)), bytes).toThrow(badBytes)
    expect(() => encodeOcr2OnchainConfig({ min: 2n, max: 1n })).toThrow(badBytes)
    expect(() => encodeOcr2OnchainConfig({ min: 0n, max: 2n ** 191n })).toThrow(badBytes)
  })

  test('names no model', () => {
    const bytes = hexToBytes(encodeOcr2OnchainConfig(limits))
    expect(ocr2Kind.decodeOnchainConfig(bytes)).toEqual({ modelDigest: zeroHash, limits, labels: null })
  })
})

describe('report', () => {
  test('accepted observations, ascending, with the oracle of each; evidence in the third context word', () => {
    const value = outcome({
      observations: [
        { oracle: 0, value: 7n, accepted: true },
        { oracle: 1, value: -3n, accepted: true },
        { oracle: 2, value: 900n, accepted: false },
        { oracle: 3, value: -12n, accepted: true },
        { oracle: 4, value: -3n, accepted: true },
      ],
      answer: -3n,
    })
    const [report, ...more] = feedReports(ocr2Kind, [home], value)
    expect(more).toEqual([])
    expect(report).toMatchObject({ contract: home, extraHash: evidenceDigest(scalar, value) })
    const payload = report?.payload ?? new Uint8Array()
    expect(bytesToHex(payload)).toBe(
      encodeAbiParameters(numericReport, [
        ORIGIN + 100,
        pad('0x03010400', { dir: 'right', size: 32 }),
        [-12n, -3n, -3n, 7n],
        0n,
      ]),
    )
    expect(ocr2Kind.decodeReport(payload)).toEqual({ observationsTimestamp: ORIGIN + 100, answer: -3n })
    expect(feedReports(ocr2Kind, [home], { ...value, due: false })).toEqual([])
  })

  test('the answer that the contract computes is the outcome’s, whatever was observed', () => {
    const sizes = fc.constantFrom([3, 1], [4, 1], [5, 2], [6, 2], [7, 2], [21, 10], [31, 10])
    const rounds = sizes.chain(([count = 3, f = 1]) =>
      fc.record({
        f: fc.constant(f),
        values: fc.array(fc.bigInt({ min: -2_000n, max: 2_000n }), { minLength: count, maxLength: count }),
        tolerance: fc.bigInt({ min: 0n, max: 4_000n }),
      }),
    )
    let due = 0
    fc.assert(
      fc.property(rounds, ({ f, values, tolerance }) => {
        const options = {
          feedId: 'price',
          modelDigest: zeroHash,
          homeChainId: HOME,
          f,
          rules: { ...rules, toleranceAbsolute: tolerance },
          limits: { min: -2_000n, max: 2_000n },
          labels: null,
        }
        const agreed = feedOutcome(scalar, options, { pins: [pin(1)] }, null, attributed(values))
        const [report] = feedReports(ocr2Kind, [home], agreed)
        expect(report === undefined).toBe(!agreed.due)
        if (report === undefined) return
        due++
        const [, observers, list] = decodeAbiParameters(numericReport, report.payload)
        expect(list[Math.floor(list.length / 2)]).toBe(agreed.answer)
        expect(list.length).toBeGreaterThan(f)
        expect(list.every((value, at) => at === 0 || (list[at - 1] ?? value) <= value)).toBe(true)
        const named = [...hexToBytes(observers)]
        expect(list.map((_, at) => values[named[at] ?? -1])).toEqual(list)
        expect(new Set(named.slice(0, list.length)).size).toBe(list.length)
        expect(named.slice(list.length).every((byte) => byte === 0)).toBe(true)
      }),
      { numRuns: 300 },
    )
    expect(due).toBeGreaterThan(50)
  })

  test('without an observation there is no answer', () => {
    const empty = hexToBytes(encodeAbiParameters(numericReport, [1, zeroHash, [], 0n]))
    expect(() => ocr2Kind.decodeReport(empty)).toThrow(badBytes)
  })
})

test('what is read out of a transmission is the same for both kinds: OCR2’s `transmit`', () => {
  const transmitOf = (abi: readonly unknown[]) =>
    (abi as readonly { name?: string; inputs?: readonly { type: string }[] }[])
      .find(({ name }) => name === 'transmit')
      ?.inputs?.map(({ type }) => type)
  expect(transmitOf(iOcr2AggregatorAbi)).toEqual(['bytes32[3]', 'bytes', 'bytes32[]', 'bytes32[]', 'bytes32'])
  expect(transmitOf(iOcr2AggregatorAbi)).toEqual(transmitOf(oracleFeedAbi))
})

test.each([
  [ocr2Kind, { aggregatorRoundId: 7, answer: '5' }, 7n],
  [ocr2Kind, { aggregatorRoundId: '7' }, 7n],
  [ocr2Kind, { roundId: '7' }, null],
  [feedKind, { roundId: '18446744073709551615' }, 18_446_744_073_709_551_615n],
  [feedKind, null, null],
  [feedKind, [7], null],
])('the round of an event', ({ roundIdOf }, data, round) => {
  expect(roundIdOf(data)).toBe(round)
})
