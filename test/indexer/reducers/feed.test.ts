import { describe, expect, it } from 'vitest'
import {
  feedRoundRow,
  feedVectorRoundRow,
  transmissionRow,
  validatorConfigRow,
} from '../../../indexer/src/reducers/feed.ts'
import { pool as address, place } from '../place.ts'

const report = {
  roundId: 41,
  configDigest: `0x${'C1'.repeat(32)}`,
  epochAndRound: 0xff_ff_ff_ff_ff,
  answer: -(2n ** 191n),
  observationsTimestamp: 4_294_967_295,
  evidenceDigest: `0x${'E1'.repeat(32)}`,
  modelDigest: `0x${'D1'.repeat(32)}`,
  transmitter: address,
} as const

describe('feed reducers', () => {
  it('keeps every value of an accepted report', () => {
    expect(feedRoundRow(place(), report, true)).toMatchObject({
      id: '31337-000000000007-000003',
      feed: address.toLowerCase(),
      roundId: 41n,
      answer: -(2n ** 191n),
      accepted: true,
      observationsTimestamp: 4_294_967_295n,
      epochAndRound: 1_099_511_627_775n,
      configDigest: `0x${'c1'.repeat(32)}`,
      transmitter: address.toLowerCase(),
    })
  })

  it('gives an answer out of range no round', () => {
    expect(feedRoundRow(place(), report, false)).toMatchObject({
      roundId: 0n,
      accepted: false,
      answer: report.answer,
    })
  })

  it('keeps every element of a vector, exact and in order', () => {
    const { answer: _, ...shared } = report
    const args = { ...shared, answers: [2n ** 191n - 1n, -5n], agreeing: 3, observers: 4, spread: 2n ** 200n }
    const row = feedVectorRoundRow(place(), args, true)
    const { answer, ...same } = feedRoundRow(place(), report, true)
    expect(row).toEqual({
      ...same,
      answers: [(2n ** 191n - 1n).toString(), '-5'],
      agreeing: 3,
      observers: 4,
      spread: 2n ** 200n,
    })
    expect(feedVectorRoundRow(place(), args, false)).toMatchObject({ roundId: 0n, accepted: false })
  })

  describe('of an OCR2 aggregator', () => {
    const transmission = {
      aggregatorRoundId: 41,
      answer: -7n,
      transmitter: address,
      observationsTimestamp: 1_700_000_000,
      configDigest: report.configDigest,
      epochAndRound: 0x0102,
    } as const
    const words = [report.configDigest.slice(2), '0102'.padStart(64, '0'), 'Ee'.repeat(32)]
    const input = (changed: readonly string[] = words) => `0xb1dc65a4${changed.join('')}00` as const
    const zero = `0x${'00'.repeat(32)}`
    const evidenceOf = (to: `0x${string}` | null, data: `0x${string}`) =>
      transmissionRow(place(), transmission, { to, input: data }).evidenceDigest

    it('makes a round of every transmission, without a model', () => {
      expect(transmissionRow(place(), transmission, { to: address, input: input() })).toEqual({
        ...feedRoundRow(place(), { ...report, ...transmission, roundId: 41 }, true),
        evidenceDigest: `0x${'ee'.repeat(32)}`,
        modelDigest: zero,
      })
    })

    it('takes the third context word of that very transmission, or none', () => {
      const [digest = '', epoch = '', extra = ''] = words
      expect(evidenceOf(address.toLowerCase() as `0x${string}`, input())).toBe(`0x${'ee'.repeat(32)}`)
      expect(evidenceOf(`0x${'22'.repeat(20)}`, input())).toBe(zero)
      expect(evidenceOf(null, input())).toBe(zero)
      expect(evidenceOf(address, input(['00'.repeat(32), epoch, extra]))).toBe(zero)
      expect(evidenceOf(address, input([digest, '0103'.padStart(64, '0'), extra]))).toBe(zero)
      expect(evidenceOf(address, input([digest, epoch, 'ee']))).toBe(zero)
      expect(evidenceOf(address, '0x')).toBe(zero)
    })
  })

  it('lists signers and transmitters in their order', () => {
    const config = {
      configDigest: report.configDigest,
      configCount: 3n,
      signers: ['0xAB', '0xCD'],
      transmitters: ['0xEF'],
      f: 1,
      onchainConfig: '0x01',
      offchainConfigVersion: 2n,
      offchainConfig: '0x',
    } as const
    expect(validatorConfigRow(place(), config)).toMatchObject({
      contract: address.toLowerCase(),
      configCount: 3n,
      signers: ['0xab', '0xcd'],
      transmitters: ['0xef'],
      f: 1,
      offchainConfig: '0x',
    })
  })
})
