import fc from 'fast-check'
import {
  bytesToHex,
  encodeAbiParameters,
  hexToBytes,
  keccak256,
  parseAbiParameters,
  size,
  zeroHash,
} from 'viem'
import { expect, test } from 'vitest'
import { outcomeCodec } from '../../../plugins/oracle/codecs.ts'
import { feedKind } from '../../../plugins/oracle/kinds/feed.ts'
import { evidenceDigest, feedReports } from '../../../plugins/oracle/report.ts'
import { scalar } from '../../../plugins/oracle/values/scalar.ts'
import { FEED_ADDRESS, HOME, outcome } from './kit.ts'

const home = { chainId: HOME, address: FEED_ADDRESS } as const
// What OracleFeed.sol documents and parses: four whole words.
const contractReport = parseAbiParameters('uint32, int192, bytes32, bytes32')

test('one report, in the layout of the contract, bound to the evidence', () => {
  const answers = fc.bigInt({ min: -(2n ** 191n), max: 2n ** 191n - 1n })
  fc.assert(
    fc.property(answers, fc.nat({ max: 2 ** 32 - 1 }), (answer, timestamp) => {
      const value = outcome({ answer, timestamp })
      const [report, ...more] = feedReports(feedKind, [home], value)
      expect(more).toEqual([])
      expect(report?.contract).toEqual(home)
      expect(report?.extraHash).toBe(zeroHash)
      const payload = bytesToHex(report?.payload ?? new Uint8Array())
      const digest = keccak256(outcomeCodec.encode(value))
      expect(payload).toBe(
        encodeAbiParameters(contractReport, [timestamp, answer, digest, value.modelDigest]),
      )
      expect(size(payload)).toBe(4 * 32)
      expect(feedKind.decodeReport(hexToBytes(payload))).toEqual({ observationsTimestamp: timestamp, answer })
    }),
    { numRuns: 50 },
  )
})

test('nothing due, no report', () => {
  expect(feedReports(feedKind, [home], outcome({ due: false }))).toEqual([])
})

test('any change of the outcome is another digest', () => {
  const digest = evidenceDigest(scalar, outcome())
  expect(evidenceDigest(scalar, outcome({ spread: 2n }))).not.toBe(digest)
  expect(evidenceDigest(scalar, outcome({ observations: outcome().observations.slice(1) }))).not.toBe(digest)
})
