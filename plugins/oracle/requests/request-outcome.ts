import type { Attributed } from '../../../node/ports/quorum.ts'
import { agree } from '../agreement/agree.ts'
import { OracleError } from '../errors.ts'
import { choices, commonLength, parseRule } from './judging.ts'
import type { RequestRules } from './request-rules.ts'
import {
  type JudgedItem,
  outcomes,
  type RequestItem,
  type RequestObservation,
  type RequestOutcome,
  type RequestQuery,
  type RequestResult,
  type Resting,
  rulings,
} from './request-types.ts'
import { ruleOn } from './ruling.ts'

export interface RequestOutcomeOptions {
  readonly oracleId: string
  readonly n: number
  readonly f: number
  readonly rules: RequestRules
}

/** Resting requests that an outcome carries on; more rest only while that many are under way at once. */
const MAX_RESTING = 1_024

/** Pure integer code: what each request's answer is, or that it has none, and which of them rest until when. */
export function requestOutcome(
  options: RequestOutcomeOptions,
  query: RequestQuery,
  previous: RequestOutcome | null,
  observations: readonly Attributed<RequestObservation>[],
): RequestOutcome {
  const now = query.pins[0].timestamp
  const items = query.items.map((item, at) =>
    judge(
      options,
      item,
      observations.map(({ oracle, value }) => ({ oracle, value: resultAt(value, at) })),
    ),
  )
  const disputes = query.disputes.map((dispute, at) =>
    ruleOn(
      dispute,
      observations.map(({ oracle, value }) => ({ oracle, value: rulingAt(value, at) })),
    ),
  )
  const { inFlightSeconds, retrySeconds } = options.rules
  const rest = (requestId: bigint, isDone: boolean): Resting => ({
    requestId,
    until: now + (isDone ? inFlightSeconds : retrySeconds),
  })
  const resting: Resting[] = [
    ...items.map(({ item, outcome }) => rest(item.requestId, outcome !== outcomes.deferred)),
    ...disputes.map(({ dispute, ruling }) => rest(dispute.requestId, ruling !== rulings.deferred)),
    ...query.upkeep.map(({ requestId }) => rest(requestId, true)),
  ]
  const before = (previous?.resting ?? []).filter(
    ({ requestId, until }) => until > now && !resting.some((other) => other.requestId === requestId),
  )
  return {
    oracleId: options.oracleId,
    pins: query.pins,
    items,
    disputes,
    upkeep: query.upkeep,
    resting: [...before, ...resting].slice(-MAX_RESTING),
  }
}

function judge(
  { n, f }: RequestOutcomeOptions,
  item: RequestItem,
  results: readonly Attributed<RequestResult>[],
): JudgedItem {
  const base = {
    item,
    observers: results.filter(({ value }) => value.kind === 'values').length,
    agreeing: 0,
    spread: 0n,
    values: [],
    results: results.map(({ oracle, value }) => ({ oracle, result: value, agrees: false, distance: null })),
  }
  // As many as would have to agree on an answer say that there can be none.
  const required = results.length - f
  for (const reason of ['bad-input', 'not-finite'] as const) {
    const count = results.filter(({ value }) => value.kind === 'abstained' && value.reason === reason).length
    if (count >= required)
      return { ...base, outcome: outcomes.badInput, reason, agreeing: count, observers: count }
  }
  const length = commonLength(results, f)
  if (length === null) return { ...base, outcome: outcomes.deferred, reason: 'abstained' }
  const rule = parseRule(item.rule)
  // A choice of k classes among k or fewer says nothing.
  if (length <= choices(rule)) return { ...base, outcome: outcomes.badInput, reason: 'bad-input' }
  const agreement = agree(rule, { f, lengths: [length], minAgreeing: item.minAgreeing }, results)
  if (agreement.kind === 'none') {
    const { reason } = agreement
    // Those who could not be asked may answer the next time; that the others differ stays as it is.
    const unheard = results.some(({ value }) => value.kind === 'abstained' && value.reason === 'unavailable')
    const final =
      !unheard &&
      (reason === 'apart' ||
        reason === 'undecided' ||
        (reason === 'too-few-agreeing' && results.length === n))
    return { ...base, outcome: final ? outcomes.noAgreement : outcomes.deferred, reason }
  }
  const distances = new Map(agreement.distances.map(({ oracle, distance }) => [oracle, distance]))
  return {
    ...base,
    outcome: outcomes.answered,
    reason: null,
    agreeing: agreement.agreeing.length,
    spread: agreement.spread,
    values: agreement.values,
    results: results.map(({ oracle, value }) => ({
      oracle,
      result: value,
      agrees: agreement.agreeing.includes(oracle),
      distance: distances.get(oracle) ?? null,
    })),
  }
}

const resultAt = ({ results }: RequestObservation, at: number) => required(results[at], `request ${at}`)
const rulingAt = ({ rulings }: RequestObservation, at: number) => required(rulings[at], `dispute ${at}`)

function required(result: RequestResult | undefined, what: string): RequestResult {
  if (result === undefined)
    throw new OracleError('ORACLE_BAD_OBSERVATION', `an observation has no result for ${what} of its query`)
  return result
}
