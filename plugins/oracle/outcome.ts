import type { Attributed } from '../../node/ports/quorum.ts'
import type { FeedRules } from './contract-config.ts'
import { OracleError } from './errors.ts'
import type {
  FeedObservation,
  FeedOutcome,
  FeedQuery,
  JudgedObservation,
  OnchainRound,
} from './feed-types.ts'

/** What the pure step knows beside the round's own data; equal on every validator. */
export interface OutcomeOptions {
  readonly feedId: string
  readonly modelDigest: FeedOutcome['modelDigest']
  /** Chain of the feed's contract: its pinned block gives the time. */
  readonly homeChainId: number
  readonly f: number
  readonly rules: FeedRules
}

/**
 * Pure integer code: the median after rejecting outliers, and whether it is worth a report. With at least 2f+1
 * observations of which at most f lie, the median lies within the honest range, so an honest value is never farther
 * from it than the honest validators are from each other.
 */
export function feedOutcome(
  options: OutcomeOptions,
  query: FeedQuery,
  previous: FeedOutcome | null,
  observations: readonly Attributed<FeedObservation>[],
): FeedOutcome {
  const { rules } = options
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
  const agreed = accepted.length > options.f
  const onchain = medianRound(observations.map(({ value }) => value.onchain))
  const now = home.timestamp
  const due = agreed && isDue(rules, now, answer, onchain, previous?.lastReport ?? null)
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
    lastReport: due ? { answer, timestamp: now } : newest(onchain, previous?.lastReport ?? null),
  }
}

/**
 * The reporting rule of a numeric feed: it moved by the deviation, or it is old. A report that is on its way counts as
 * if it had arrived, for a while: otherwise every round until it is mined would pay for another one.
 */
function isDue(
  rules: FeedRules,
  now: number,
  answer: bigint,
  onchain: OnchainRound | null,
  last: OnchainRound | null,
): boolean {
  const inFlight = last !== null && now - last.timestamp < rules.inFlightSeconds ? last : null
  const base = newest(onchain, inFlight)
  if (base === null) return true
  if (now <= base.timestamp) return false
  return (
    now - base.timestamp >= rules.reportIntervalSeconds || deviates(base.answer, answer, rules.deviationPpm)
  )
}

function deviates(base: bigint, value: bigint, ppm: number): boolean {
  if (base === 0n) return value !== 0n
  return abs(value - base) * 1_000_000n >= abs(base) * BigInt(ppm)
}

function newest(a: OnchainRound | null, b: OnchainRound | null): OnchainRound | null {
  if (a === null || b === null) return a ?? b
  return b.timestamp > a.timestamp ? b : a
}

/** The upper median: an element of the list. */
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
