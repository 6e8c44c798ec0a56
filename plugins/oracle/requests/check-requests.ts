import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import { type InferenceRequestRow, isPendingAt, requestsById } from './pending.ts'
import { restingAt, ruleOf } from './pick-requests.ts'
import type { RequestRules } from './request-rules.ts'
import type { RequestOutcome, RequestQuery } from './request-types.ts'
import { MAX_UPKEEP } from './upkeep.ts'

/**
 * A follower's: takes a query only if its requests wait at the pin, are not resting, and are what the leader says they are.
 * The rule of a model that this node does not have it can't check; it has no vector for it either.
 * @throws OracleError `ORACLE_BAD_QUERY`, IndexError `INDEX_BEHIND`
 */
export async function checkRequests(
  oracle: ContractRef,
  rules: RequestRules,
  { pins: [pin], items }: RequestQuery,
  previous: RequestOutcome | null,
  { index, inference }: { readonly index: IndexReader; readonly inference: Inference },
): Promise<readonly InferenceRequestRow[]> {
  const refuse = (what: string) => new OracleError('ORACLE_BAD_QUERY', what)
  const ids = items.map(({ requestId }) => requestId)
  const known = await requestsById(index, oracle, ids, pin)
  const models = inference.models()
  const resting = restingAt(pin, previous)
  const rows = items.map((item) => {
    const row = known.get(item.requestId)
    const name = `request ${item.requestId}`
    if (row === undefined || !isPendingAt(row, pin, rules))
      throw refuse(`${name} does not wait at the pinned block`)
    if (resting.has(item.requestId)) throw refuse(`${name} is resting`)
    if (
      row.modelDigest !== item.modelDigest ||
      row.inputHash !== item.inputHash ||
      row.minAgreeing !== item.minAgreeing ||
      row.callbackGasLimit !== item.callbackGasLimit
    )
      throw refuse(`${name} is not what the contract says`)
    const model = models.find(({ digest }) => digest === row.modelDigest)
    if (model !== undefined && ruleOf(model) !== item.rule)
      throw refuse(`${name} comes with another rule than its model's`)
    return row
  })
  const gas = rows.reduce((sum, { callbackGasLimit }) => sum + callbackGasLimit, 0)
  if (rows.length > 1 && gas > rules.maxCallbackGas)
    throw refuse('the callbacks have more gas than one report gives')
  return rows
}

/** What can be seen from the query alone. Throws `ORACLE_BAD_QUERY`. */
export function checkShape(rules: RequestRules, n: number, query: RequestQuery): void {
  const { items, disputes, upkeep } = query
  const most = mostRequests(rules, n)
  const named = [...items, ...disputes, ...upkeep]
  if (named.length === 0 || items.length + disputes.length > most || upkeep.length > MAX_UPKEEP)
    throw new OracleError(
      'ORACLE_BAD_QUERY',
      `a query has up to ${most} requests and disputes and ${MAX_UPKEEP} chores, and not none of them`,
      { items: items.length, disputes: disputes.length, upkeep: upkeep.length },
    )
  if (new Set(named.map(({ requestId }) => requestId)).size !== named.length)
    throw new OracleError('ORACLE_BAD_QUERY', 'a query names a request twice')
  for (const { committee } of disputes)
    if (new Set(committee).size !== committee.length || committee.some((oracle) => oracle >= n))
      throw new OracleError('ORACLE_BAD_QUERY', 'a committee is a set of oracles')
}

/**
 * As many as a round has room for, with 256 values each: an outcome of n validators' results is below the engine's 1 MiB, and
 * a report below the 128 KiB that a transaction may have.
 */
export function mostRequests({ maxRequests }: RequestRules, n: number): number {
  return Math.min(maxRequests, Math.max(1, Math.floor(OUTCOME_RESULTS / n)))
}

/** Results of 8 KiB and what stands around them. */
const OUTCOME_RESULTS = 96
