import { decodeAbiParameters, encodeAbiParameters, hexToBytes, keccak256 } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import type { ContractRef, Report } from '../../node/ports/quorum.ts'
import { outcomeCodec } from './codecs.ts'
import type { FeedOutcome } from './feed-types.ts'

/** ABI types of a feed's report, as OracleFeed parses it. */
export const reportAbi = [
  { name: 'observationsTimestamp', type: 'uint32' },
  { name: 'answer', type: 'int192' },
  { name: 'evidenceDigest', type: 'bytes32' },
  { name: 'modelDigest', type: 'bytes32' },
] as const

const NO_EXTRA: Hex = `0x${'00'.repeat(32)}`

/** keccak256 of the outcome's canonical bytes: what ties a report to the data it came from. */
export function evidenceDigest(outcome: FeedOutcome): Hex {
  return keccak256(outcomeCodec.encode(outcome))
}

/** Pure: the one report of an outcome that is due, whose time and answer fit by construction. */
export function feedReports(contract: ContractRef, outcome: FeedOutcome): readonly Report[] {
  if (!outcome.due) return []
  const payload = encodeAbiParameters(reportAbi, [
    outcome.timestamp,
    outcome.answer,
    evidenceDigest(outcome),
    outcome.modelDigest,
  ])
  return [{ contract, payload: hexToBytes(payload), extraHash: NO_EXTRA }]
}

export function decodeReport(payload: Hex | Uint8Array) {
  const [observationsTimestamp, answer, evidence, modelDigest] = decodeAbiParameters(reportAbi, payload)
  return { observationsTimestamp, answer, evidenceDigest: evidence, modelDigest }
}
