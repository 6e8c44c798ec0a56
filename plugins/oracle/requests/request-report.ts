import { type AbiParameter, encodeAbiParameters, hexToBytes } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { ContractRef, Report } from '../../../node/ports/quorum.ts'
import { requestEvidenceDigest } from './request-codecs.ts'
import { outcomes, type RequestOutcome } from './request-types.ts'

/** A report's kind, as InferenceOracle.sol numbers it. */
const ANSWERS = 1
const NO_EXTRA: Hex = `0x${'00'.repeat(32)}`

/** ABI types of a report of answers, as InferenceOracle.sol decodes it. */
export const answersReportAbi = [
  { name: 'kind', type: 'uint8' },
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'evidenceDigest', type: 'bytes32' },
  {
    name: 'answers',
    type: 'tuple[]',
    components: [
      { name: 'requestId', type: 'uint256' },
      { name: 'inputHash', type: 'bytes32' },
      { name: 'outcome', type: 'uint8' },
      { name: 'agreeing', type: 'uint8' },
      { name: 'observers', type: 'uint8' },
      { name: 'spread', type: 'uint256' },
      { name: 'values', type: 'int256[]' },
    ],
  },
] as const satisfies readonly AbiParameter[]

/** A report holds its time as uint32. */
const LAST_TIMESTAMP = 2 ** 32 - 1

/** Pure: one report of all that was answered in a round; none when everything was put off. */
export function requestReports(contract: ContractRef, outcome: RequestOutcome): readonly Report[] {
  const { timestamp } = outcome.pins[0]
  const told = outcome.items.filter((judged) => judged.outcome !== outcomes.deferred)
  if (told.length === 0 || timestamp > LAST_TIMESTAMP) return []
  const payload = encodeAbiParameters(answersReportAbi, [
    ANSWERS,
    timestamp,
    requestEvidenceDigest(outcome),
    told.map(({ item, outcome: code, agreeing, observers, spread, values }) => ({
      requestId: item.requestId,
      inputHash: item.inputHash,
      outcome: code,
      agreeing,
      observers,
      spread,
      values,
    })),
  ])
  return [{ contract, payload: hexToBytes(payload), extraHash: NO_EXTRA }]
}
