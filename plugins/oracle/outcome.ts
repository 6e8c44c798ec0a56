import type { Attributed } from '../../node/ports/quorum.ts'
import type { FeedRules } from './contract-config.ts'
import { OracleError } from './errors.ts'
import type {
  ContractTerms,
  FeedObservation,
  FeedOutcome,
  FeedQuery,
  FeedValue,
  OnchainRound,
} from './feed-types.ts'
import type { ValueType } from './values/value-type.ts'

/**
 * What the pure step knows beside the round's own data; equal on every validator. Where the contract refuses answers
 * outside its limits, such an answer makes no report: it would cost gas for nothing.
 */
export interface OutcomeOptions extends ContractTerms {
  readonly feedId: string
  /** Chain of the feed's contract: its pinned block gives the time. */
  readonly homeChainId: number
  readonly f: number
  readonly rules: FeedRules
}

/** A report holds its time as uint32. */
const LAST_TIMESTAMP = 2 ** 32 - 1

/** Pure integer code: what the observations make, as the type of value judges them, and whether it is worth a report. */
export function feedOutcome<V extends FeedValue>(
  values: ValueType<V>,
  options: OutcomeOptions,
  query: FeedQuery,
  previous: FeedOutcome<V> | null,
  observations: readonly Attributed<FeedObservation<V>>[],
): FeedOutcome<V> {
  const { rules, limits } = options
  const home = query.pins.find((pin) => pin.chainId === options.homeChainId)
  if (home === undefined)
    throw new OracleError('ORACLE_BAD_PIN', `the query pins no block of chain ${options.homeChainId}`, {
      chainId: options.homeChainId,
    })
  const judged = values.judge(
    options,
    observations.map(({ oracle, value }) => ({ oracle, value: value.value })),
  )
  const { answer, agreed } = judged
  const onchain = medianRound(
    values,
    observations.map(({ value }) => value.onchain),
  )
  const now = home.timestamp
  const base = newest(onchain, inFlight(rules, now, previous?.lastReport ?? null))
  const taken = now <= LAST_TIMESTAMP && (limits === null || values.isWithin(limits, answer))
  const due = agreed && taken && isDue(values, rules, now, answer, base)
  return {
    feedId: options.feedId,
    modelDigest: options.modelDigest,
    pins: query.pins,
    observations: judged.observations,
    answer,
    spread: judged.spread,
    timestamp: now,
    agreed,
    due,
    lastReport: due ? { answer, timestamp: now } : base,
  }
}

/**
 * A report that is on its way counts as if it had arrived, for a while: otherwise every round until it is mined would
 * pay for another one. One from the future is of a chain that was reorganised away.
 */
function inFlight<V extends FeedValue>(
  rules: FeedRules,
  now: number,
  last: OnchainRound<V> | null,
): OnchainRound<V> | null {
  if (last === null || last.timestamp > now) return null
  return now - last.timestamp < rules.inFlightSeconds ? last : null
}

/** The reporting rule: there is no report yet, or it is old, or the value moved by the deviation. */
function isDue<V extends FeedValue>(
  values: ValueType<V>,
  rules: FeedRules,
  now: number,
  answer: V,
  base: OnchainRound<V> | null,
): boolean {
  if (base === null) return true
  if (now <= base.timestamp) return false
  return now - base.timestamp >= rules.reportIntervalSeconds || values.deviates(base.answer, answer, rules)
}

function newest<V extends FeedValue>(
  a: OnchainRound<V> | null,
  b: OnchainRound<V> | null,
): OnchainRound<V> | null {
  if (a === null || b === null) return a ?? b
  return b.timestamp > a.timestamp ? b : a
}

/** Honest validators read the same pinned block, so at most f of at least 2f+1 differ and the middle is the honest view. */
function medianRound<V extends FeedValue>(
  values: ValueType<V>,
  rounds: readonly (OnchainRound<V> | null)[],
): OnchainRound<V> | null {
  const sorted = [...rounds].sort((a, b) => {
    if (a === null || b === null) return Number(a !== null) - Number(b !== null)
    return a.timestamp - b.timestamp || values.compare(a.answer, b.answer)
  })
  return sorted[sorted.length >> 1] ?? null
}
