import { keccak256 } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import type { ContractRef, Report } from '../../node/ports/quorum.ts'
import { outcomeCodec } from './codecs.ts'
import type { FeedOutcome } from './feed-types.ts'
import type { ContractKind } from './kinds/contract-kind.ts'

/** keccak256 of the outcome's canonical bytes: what ties a report to the data it came from. */
export function evidenceDigest(outcome: FeedOutcome): Hex {
  return keccak256(outcomeCodec.encode(outcome))
}

/** Pure: one report for each contract of an outcome that is due, whose time and answer fit by construction. */
export function feedReports(
  kind: ContractKind,
  contracts: readonly ContractRef[],
  outcome: FeedOutcome,
): readonly Report[] {
  if (!outcome.due) return []
  const report = kind.report(outcome)
  return contracts.map((contract) => ({ contract, ...report }))
}
