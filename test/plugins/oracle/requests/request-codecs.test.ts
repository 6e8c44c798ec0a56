import fc from 'fast-check'
import { bytesToHex, hexToBytes } from 'viem'
import { expect, test } from 'vitest'
import {
  requestObservationCodec,
  requestOutcomeCodec,
  requestQueryCodec,
} from '../../../../plugins/oracle/requests/request-codecs.ts'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import { decodeRequestRules, encodeRequestRules } from '../../../../plugins/oracle/requests/request-rules.ts'
import type { RequestQuery, RequestResult } from '../../../../plugins/oracle/requests/request-types.ts'
import { pin } from '../kit.ts'
import { abstains, asking, dispute, gave, item, observations, rules } from './kit.ts'

const result: fc.Arbitrary<RequestResult> = fc.oneof(
  fc
    .array(fc.bigInt({ min: -(2n ** 255n), max: 2n ** 255n - 1n }), { minLength: 1, maxLength: 5 })
    .map((values) => gave(...values)),
  fc.constantFrom('bad-input' as const, 'not-finite' as const, 'unavailable' as const).map(abstains),
)

test('queries, observations and outcomes come back as they were', () => {
  const query: RequestQuery = {
    ...asking([pin(10)], [item(1, { minAgreeing: 3 })]),
    disputes: [dispute({ requestId: 2n, outcome: 3, values: [] })],
    upkeep: [{ requestId: 9n, callbackGasLimit: 5 }],
  }
  expect(requestQueryCodec.decode(requestQueryCodec.encode(query))).toEqual(query)
  fc.assert(
    fc.property(fc.array(result, { minLength: 3, maxLength: 4 }), (results) => {
      const observed = observations(...results).map(({ oracle, value }, at) => ({
        oracle,
        value: { ...value, rulings: [results.at(-1 - at) ?? abstains('not-drawn')] },
      }))
      for (const { value } of observed)
        expect(requestObservationCodec.decode(requestObservationCodec.encode(value))).toEqual(value)
      const outcome = requestOutcome({ oracleId: 'q', n: 4, f: 1, rules }, query, null, observed)
      expect(requestOutcomeCodec.decode(requestOutcomeCodec.encode(outcome))).toEqual(outcome)
    }),
  )
})

test('bytes that nobody would have written are refused', () => {
  const bytes = requestObservationCodec.encode({ results: [gave(1)], rulings: [] })
  const longer = hexToBytes(`${bytesToHex(bytes)}${'00'.repeat(32)}`)
  const unknown = Uint8Array.from(bytes)
  // The state of the only result: word 4 after two offsets, length and the result's own offset.
  unknown[4 * 32 + 31] = 9
  for (const broken of [longer, bytes.subarray(1), new Uint8Array(), unknown])
    expect(() => requestObservationCodec.decode(broken)).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_BYTES' }),
    )
})

test('rules come back, and rules that can not be are refused', () => {
  expect(decodeRequestRules(hexToBytes(encodeRequestRules(rules)))).toEqual(rules)
  for (const wrong of [
    { maxRequests: 0 },
    { maxRequests: 13 },
    { inFlightSeconds: 3_601 },
    { maxCallbackGas: 10_000_001 },
    { retrySeconds: 0 },
    { inFlightSeconds: 0 },
  ])
    expect(() => encodeRequestRules({ ...rules, ...wrong })).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_BYTES' }),
    )
  expect(() => decodeRequestRules(new Uint8Array(31))).toThrow(
    expect.objectContaining({ code: 'ORACLE_BAD_BYTES' }),
  )
})
