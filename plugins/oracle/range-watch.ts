import type { Hex } from '../../node/ports/chain.ts'
import type { Logger } from '../../node/ports/log.ts'
import type { Metrics } from '../../node/ports/metrics.ts'
import type { CommittedRecord } from '../../node/ports/quorum.ts'
import type { AnswerLimits, FeedOutcome, FeedValue } from './feed-types.ts'
import { isWithin } from './values/scalar.ts'

/** An answer that the validators agree on and that the feed's contract would refuse. */
export interface Withheld {
  readonly answer: bigint
  readonly limits: AnswerLimits
  /** Unix seconds of the data. */
  readonly timestamp: number
}

/** Says when a feed is silent because its contract would refuse the answer: nobody sees that on-chain. */
export interface RangeWatch {
  /** The limits of the configuration that rounds are made under. */
  seen(configDigest: Hex, limits: AnswerLimits | null): void
  committed(record: CommittedRecord<FeedOutcome<FeedValue>>): void
  /** Null while answers are within the limits. */
  withheld(): Withheld | null
}

export function rangeWatch(
  { feed }: { feed: string },
  { log, metrics }: { log: Logger; metrics: Metrics },
): RangeWatch {
  const gauge = metrics.gauge({
    name: 'iyi_oracle_answer_withheld',
    help: '1 while the agreed answer of a feed is outside the limits of its contract, which would refuse the report',
    labels: ['feed'],
  })
  // The engine tells of an outcome without its configuration, which every round has seen before.
  let known: { readonly configDigest: Hex; readonly limits: AnswerLimits | null } | null = null
  let withheld: Withheld | null = null
  return {
    seen(configDigest, limits) {
      if (known?.configDigest !== configDigest) known = { configDigest, limits }
    },
    committed({ configDigest, outcome }) {
      if (known?.configDigest !== configDigest || !outcome.agreed) return
      const { answer, timestamp } = outcome
      const { limits } = known
      // A contract that takes vectors takes all of them, and has no limits here.
      if (typeof answer !== 'bigint') return
      const before = withheld
      withheld = limits === null || isWithin(limits, answer) ? null : { answer, limits, timestamp }
      gauge.set(withheld === null ? 0 : 1, { feed })
      if (before === null && limits !== null && withheld !== null)
        log.warn(
          { feed, answer: answer.toString(), min: limits.min.toString(), max: limits.max.toString() },
          'withhold reports: the contract would refuse this answer; its owner sets the limits',
        )
      if (before !== null && withheld === null)
        log.info({ feed, answer: answer.toString() }, 'report again: the answer is within the limits')
    },
    withheld: () => withheld,
  }
}
