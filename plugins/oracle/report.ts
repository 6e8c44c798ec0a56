import { keccak256 } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import type { ContractRef, Report } from '../../node/ports/quorum.ts'
import type { FeedOutcome, FeedValue } from './feed-types.ts'
import type { ContractKind } from './kinds/contract-kind.ts'
import type { ValueType } from './values/value-type.ts'

/** keccak256 of the outcome's canonical bytes: what ties a report to the data it came from. */
export function evidenceDigest<V extends FeedValue>(values: ValueType<V>, outcome: FeedOutcome<V>): Hex {
  return keccak256(values.outcome.encode(outcome))
}

/** Pure: one report for each contract of an outcome that is due, whose time and answer fit by construction. */
export function feedReports<V extends FeedValue>(
  kind: ContractKind<V>,
  contracts: readonly ContractRef[],
  outcome: FeedOutcome<V>,
): readonly Report[] {
  if (!outcome.due) return []
  const report = kind.report(outcome)
  return contracts.map((contract) => ({ contract, ...report }))
}
