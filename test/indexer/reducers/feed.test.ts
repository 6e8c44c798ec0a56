import { describe, expect, it } from 'vitest'
import { feedRoundRow, validatorConfigRow } from '../../../indexer/src/reducers/feed.ts'
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
