import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference, ModelInfo } from '../../../node/ports/inference.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { type InferenceRequestRow, inOrder, isPendingAt, pendingAt, requestsById } from './pending.ts'
import type { RequestInputs } from './request-inputs.ts'
import type { RequestRules } from './request-rules.ts'
import type { RequestItem, RequestOutcome, RequestQuery } from './request-types.ts'
import { MAX_UPKEEP } from './upkeep.ts'

interface Modules {
  readonly index: IndexReader
  readonly inference: Inference
  readonly inputs: RequestInputs
}

/**
 * The leader's: requests that wait at the pin, of models that this node can run, at most `most`: the oldest of each requester, then
 * the second of each, so that nobody's questions, however many can't be answered, keep the others waiting. Inputs that are to be
 * delivered, and are not here, it begins to fetch: their requests come in a later round.
 */
export async function pickRequests(
  oracle: ContractRef,
  { rules, most }: { rules: RequestRules; most: number },
  pin: Pin,
  previous: RequestOutcome | null,
  { index, inference, inputs }: Modules,
): Promise<readonly RequestItem[]> {
  const items: RequestItem[] = []
  const models = inference.models().filter(({ status, request }) => status.ok && request !== null)
  const digests = models.map(({ digest }) => digest)
  if (most < 1) return []
  let gas = 0
  const { whole, byHash } = await pendingAt(index, oracle, { pin, digests, rules })
  inputs.want(inTurns(byHash))
  const answerable = inOrder([...whole, ...byHash.filter((row) => inputs.has(row))])
  for (const row of inTurns(answerable)) {
    if (isResting(row.requestId, pin, previous)) continue
    const model = models.find(({ digest }) => digest === row.modelDigest)
    if (model === undefined) continue
    if (items.length > 0 && gas + row.callbackGasLimit > rules.maxCallbackGas) continue
    gas += row.callbackGasLimit
    items.push(itemOf(row, model))
    if (items.length === most) break
  }
  return items
}

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
  { index, inference }: Omit<Modules, 'inputs'>,
): Promise<readonly InferenceRequestRow[]> {
  const refuse = (what: string) => new OracleError('ORACLE_BAD_QUERY', what)
  const ids = items.map(({ requestId }) => requestId)
  const known = await requestsById(index, oracle, ids, pin)
  const models = inference.models()
  const rows = items.map((item) => {
    const row = known.get(item.requestId)
    const name = `request ${item.requestId}`
    if (row === undefined || !isPendingAt(row, pin, rules))
      throw refuse(`${name} does not wait at the pinned block`)
    if (isResting(item.requestId, pin, previous)) throw refuse(`${name} is resting`)
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

/** Stable: of one requester, and of one turn, the older goes first. */
export function inTurns(rows: readonly InferenceRequestRow[]): readonly InferenceRequestRow[] {
  const turns = new Map<string, number>()
  return rows
    .map((row) => {
      const turn = turns.get(row.requester) ?? 0
      turns.set(row.requester, turn + 1)
      return { row, turn }
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ row }) => row)
}

function itemOf(row: InferenceRequestRow, model: ModelInfo): RequestItem {
  const { requestId, modelDigest, inputHash, minAgreeing, callbackGasLimit } = row
  return { requestId, modelDigest, inputHash, minAgreeing, callbackGasLimit, rule: ruleOf(model) }
}

/** The rule's canonical JSON: keys sorted, and nothing but objects, lists, texts and integers in it (RFC 8785). */
export function ruleOf({ agreement }: Pick<ModelInfo, 'agreement'>): string {
  return JSON.stringify(agreement, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

export function isResting(requestId: bigint, pin: Pin, previous: RequestOutcome | null): boolean {
  return (previous?.resting ?? []).some((each) => each.requestId === requestId && each.until > pin.timestamp)
}
