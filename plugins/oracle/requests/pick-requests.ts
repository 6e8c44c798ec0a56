import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference, ModelInfo } from '../../../node/ports/inference.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { type InferenceRequestRow, isPendingAt, pendingAt, requestsById, undeliveredAt } from './pending.ts'
import type { RequestInputs } from './request-inputs.ts'
import type { RequestRules } from './request-rules.ts'
import type { RequestItem, RequestOutcome, RequestQuery } from './request-types.ts'

interface Modules {
  readonly index: IndexReader
  readonly inference: Inference
  readonly inputs: RequestInputs
}

/**
 * The leader's: the oldest requests that wait at the pin, of models that this node can run, as many as a report takes. Inputs
 * that are to be delivered, and are not here, it begins to fetch: their requests come in a later round.
 */
export async function pickRequests(
  oracle: ContractRef,
  { rules, n }: { rules: RequestRules; n: number },
  pin: Pin,
  previous: RequestOutcome | null,
  { index, inference, inputs }: Modules,
): Promise<readonly RequestItem[]> {
  const items: RequestItem[] = []
  const models = inference.models().filter(({ status, request }) => status.ok && request !== null)
  const digests = models.map(({ digest }) => digest)
  const most = mostRequests(rules, n)
  let gas = 0
  const asked = { pin, digests, rules, held: inputs.held() }
  inputs.want(await undeliveredAt(index, oracle, asked))
  for (const row of await pendingAt(index, oracle, asked)) {
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
      row.minAgreeing !== item.minAgreeing
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
export function checkShape(rules: RequestRules, n: number, { items }: RequestQuery): void {
  const most = mostRequests(rules, n)
  if (items.length === 0 || items.length > most)
    throw new OracleError('ORACLE_BAD_QUERY', `a query has 1 to ${most} requests`, {
      got: items.length,
    })
  if (new Set(items.map(({ requestId }) => requestId)).size !== items.length)
    throw new OracleError('ORACLE_BAD_QUERY', 'a query names a request twice')
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

function itemOf(row: InferenceRequestRow, model: ModelInfo): RequestItem {
  const { requestId, modelDigest, inputHash, minAgreeing } = row
  return { requestId, modelDigest, inputHash, minAgreeing, rule: ruleOf(model) }
}

/** The rule's canonical JSON: keys sorted, and nothing but objects, lists, texts and integers in it (RFC 8785). */
export function ruleOf({ agreement }: Pick<ModelInfo, 'agreement'>): string {
  return JSON.stringify(agreement, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

function isResting(requestId: bigint, pin: Pin, previous: RequestOutcome | null): boolean {
  return (previous?.resting ?? []).some((each) => each.requestId === requestId && each.until > pin.timestamp)
}
