import type { Attributed } from '../../node/ports/quorum.ts'
import type { FeedRules } from './contract-config.ts'
import { OracleError } from './errors.ts'
import type {
  AnswerLimits,
  FeedObservation,
  FeedOutcome,
  FeedQuery,
  JudgedObservation,
  OnchainRound,
} from './feed-types.ts'
import { isWithin } from './range-watch.ts'

/** What the pure step knows beside the round's own data; equal on every validator. */
export interface OutcomeOptions {
  readonly feedId: string
  readonly modelDigest: FeedOutcome['modelDigest']
  /** Chain of the feed's contract: its pinned block gives the time. */
  readonly homeChainId: number
  readonly f: number
  readonly rules: FeedRules
  /** Where the contract refuses answers outside them, such an answer makes no report: it would cost gas for nothing. */
  readonly limits: AnswerLimits | null
}

/** A report holds its time as uint32. */
const LAST_TIMESTAMP = 2 ** 32 - 1

/**
 * Pure integer code: the median after rejecting outliers, and whether it is worth a report.
 *
 * Of at least 2f+1 observations at most f lie, so the plain median stands within the honest range. While honest
 * validators are within the tolerance of each other, none of them is rejected and the answer stands in their range too.
 * When they are not, the answer is still within the tolerance of that range, and as a rule there is no agreement.
 */
export function feedOutcome(
  options: OutcomeOptions,
  query: FeedQuery,
  previous: FeedOutcome | null,
  observations: readonly Attributed<FeedObservation>[],
): FeedOutcome {
  const { rules, limits } = options
  const home = query.pins.find((pin) => pin.chainId === options.homeChainId)
  if (home === undefined)
    throw new OracleError('ORACLE_BAD_PIN', `the query pins no block of chain ${options.homeChainId}`, {
      chainId: options.homeChainId,
    })
  const middle = median(observations.map(({ value }) => value.value))
  const tolerance = max(rules.toleranceAbsolute, (abs(middle) * BigInt(rules.tolerancePpm)) / 1_000_000n)
  const judged: JudgedObservation[] = observations.map(({ oracle, value }) => ({
    oracle,
    value: value.value,
    accepted: abs(value.value - middle) <= tolerance,
  }))
  const accepted = judged.filter((entry) => entry.accepted).map((entry) => entry.value)
  const answer = median(accepted)
  const agreed = observations.length - accepted.length <= options.f
  const onchain = medianRound(observations.map(({ value }) => value.onchain))
  const now = home.timestamp
  const base = newest(onchain, inFlight(rules, now, previous?.lastReport ?? null))
  const taken = now <= LAST_TIMESTAMP && (limits === null || isWithin(limits, answer))
  const due = agreed && taken && isDue(rules, now, answer, base)
  return {
    feedId: options.feedId,
    modelDigest: options.modelDigest,
    pins: query.pins,
    observations: judged,
    answer,
    spread: accepted.reduce(max) - accepted.reduce(min),
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
function inFlight(rules: FeedRules, now: number, last: OnchainRound | null): OnchainRound | null {
  if (last === null || last.timestamp > now) return null
  return now - last.timestamp < rules.inFlightSeconds ? last : null
}

/** The reporting rule of a numeric feed: there is no report yet, or it is old, or the value moved by the deviation. */
function isDue(rules: FeedRules, now: number, answer: bigint, base: OnchainRound | null): boolean {
  if (base === null) return true
  if (now <= base.timestamp) return false
  return (
    now - base.timestamp >= rules.reportIntervalSeconds || deviates(base.answer, answer, rules.deviationPpm)
  )
}

/** From zero every move is infinitely large. */
function deviates(base: bigint, value: bigint, ppm: number): boolean {
  if (base === 0n) return value !== 0n
  return abs(value - base) * 1_000_000n >= abs(base) * BigInt(ppm)
}

function newest(a: OnchainRound | null, b: OnchainRound | null): OnchainRound | null {
  if (a === null || b === null) return a ?? b
  return b.timestamp > a.timestamp ? b : a
}

/** The upper median: an element of the list, and what an OCR2 aggregator takes, `observations[length / 2]`. */
export function median(values: readonly bigint[]): bigint {
  const middle = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))[values.length >> 1]
  if (middle === undefined) throw new OracleError('ORACLE_NO_DATA', 'no observations: there is no median')
  return middle
}

/** Honest validators read the same pinned block, so at most f of at least 2f+1 differ and the middle is the honest view. */
function medianRound(rounds: readonly (OnchainRound | null)[]): OnchainRound | null {
  const order = (round: OnchainRound | null) => round?.timestamp ?? -1
  const sorted = [...rounds].sort(
    (a, b) =>
      order(a) - order(b) ||
      ((a?.answer ?? 0n) < (b?.answer ?? 0n) ? -1 : (a?.answer ?? 0n) > (b?.answer ?? 0n) ? 1 : 0),
  )
  return sorted[sorted.length >> 1] ?? null
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value)
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
