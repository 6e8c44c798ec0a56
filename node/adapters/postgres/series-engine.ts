import type { Clock } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { FillSource, SeriesRetention } from '../../ports/series-source.ts'
import type { Database } from './database.ts'
import type { DurableEventLog } from './event-log.ts'
import { SeriesChain } from './series-chain.ts'
import { heldUpBy } from './series-kept.ts'
import { Partitions } from './series-partitions.ts'
import { pruneGone, prunePartitions } from './series-prune.ts'
import { backoffMs, pause } from './wake.ts'

export interface SeriesEngineOptions {
  readonly chains: readonly { readonly id: number; readonly name: string }[]
  readonly sources: readonly FillSource[]
  readonly retention: SeriesRetention
  /** How often the event log is asked for news; 200 when absent. */
  readonly pollMs?: number
  /** About how many notices are gone through in one transaction; 5,000 when absent. */
  readonly batch?: number
  /** How often is looked for what may go; 5,000 when absent. */
  readonly pruneMs?: number
}

export interface SeriesEngineModules {
  readonly database: Database
  readonly events: Pick<DurableEventLog, 'times'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

export interface SeriesEngine {
  start(): void
  /** Resolves once what is being written is. */
  stop(): Promise<void>
  health(): Health
}

const backoffLimitMs = 5_000
/** One failure is everyday; a row of them means that the series stand still. */
const troubledAfter = 3
/** Notices behind are counted so far. */
const mostBehind = 100_000

/**
 * Makes candles of the trades in the event log: one loop a chain, and one that drops what is older than it is kept. A database
 * that does not answer is waited for, `degraded`; nothing counts twice, wherever the process ends.
 */
export function seriesEngine(options: SeriesEngineOptions, modules: SeriesEngineModules): SeriesEngine {
  const { database, events, clock, log } = modules
  const { chains, sources, retention, pollMs = 200, batch = 5_000, pruneMs = 5_000 } = options
  const metrics = instruments(modules.metrics)
  const partitions = new Partitions()
  const keep = { chains: chains.map(({ id }) => id), retention }
  const stopping = new AbortController()
  const troubles = new Map<string, string>()
  let heldUp: string | null = null
  let loops: Promise<unknown> | null = null

  /** Repeats `work`: at once while it says that there is more, with a pause otherwise. */
  const repeat = async (what: string, pauseMs: number, work: () => Promise<boolean>) => {
    for (let failed = 0; !stopping.signal.aborted; ) {
      let more = false
      try {
        more = await work()
        if (failed > 0) log.info({ what }, 'Make series again')
        failed = 0
        troubles.delete(what)
      } catch (error) {
        failed++
        const level = failed === 1 ? 'warn' : 'debug'
        log[level]({ err: error, what, failed }, 'Fail to make series, keep trying')
        if (failed >= troubledAfter)
          troubles.set(what, `${what}: ${error instanceof Error ? error.message : error}`)
      }
      if (failed > 0) await pause(clock, backoffMs(failed, backoffLimitMs), stopping.signal)
      else if (!more) await pause(clock, pauseMs, stopping.signal)
    }
  }

  const follow = ({ id, name }: { id: number; name: string }) => {
    const chain = new SeriesChain(
      { chainId: id, batch, sources, keep },
      {
        ...{ database, partitions, log },
        times: () => events.times(id),
        onWritten: (written) => {
          if (written.trades > 0) metrics.trades.inc({ chain: name }, written.trades)
          if (written.dropped > 0) metrics.dropped.inc({ chain: name }, written.dropped)
          if (written.candles > 0) metrics.candles.inc({ chain: name }, written.candles)
        },
      },
    )
    let countedAt = Number.NEGATIVE_INFINITY
    return repeat(`the series of ${name} stand still`, pollMs, async () => {
      const more = await chain.pass()
      if (!more) metrics.behind.set(0, { chain: name })
      else if (clock.monotonic() - countedAt > pruneMs) {
        countedAt = clock.monotonic()
        metrics.behind.set(await countBehind(database, id), { chain: name })
      }
      return more
    })
  }

  const prune = () =>
    repeat('old candles are not dropped', pruneMs, async () => {
      const dropped = await prunePartitions(database, keep)
      const held = await heldUpBy(database, keep)
      const name = chains.find(({ id }) => id === held?.chainId)?.name
      heldUp =
        held === null
          ? null
          : `nothing is dropped by age: ${name} is ${Math.floor(held.behindSeconds / 3_600)} h behind the other chains; see why its events stand still, or take it out of chains`
      for (const { kind } of dropped) metrics.pruned.inc({ of: kind.name })
      return !(await pruneGone(database)) || dropped.length > 0
    })

  return {
    start: () => {
      loops ??= Promise.all([...chains.map(follow), prune()])
    },
    stop: async () => {
      stopping.abort()
      await loops
    },
    health: () => {
      const standing = [...troubles.values()]
      if (standing.length > 0)
        return { status: 'degraded', reason: `${standing.join('; ')}; they go on by themselves` }
      return heldUp === null ? { status: 'ok' } : { status: 'degraded', reason: heldUp }
    },
  }
}

async function countBehind(database: Database, chainId: number): Promise<number> {
  const [row] = await database.query(
    `select count(*) as behind from (
       select from event_notice where chain_id = $1
         and seq > (select min(seq) from series_lane where chain_id = $1) limit ${mostBehind}) notice`,
    [chainId],
  )
  return Number(row?.behind ?? 0)
}

const instruments = (metrics: Metrics) => ({
  trades: metrics.counter({
    name: 'iyi_series_trades_total',
    help: 'Trades that went into candles.',
    labels: ['chain'],
  }),
  dropped: metrics.counter({
    name: 'iyi_series_trades_dropped_total',
    help: 'Trades that a reorganisation took out of candles.',
    labels: ['chain'],
  }),
  candles: metrics.counter({
    name: 'iyi_series_candles_total',
    help: 'Candles that were made or changed by new trades, of all widths.',
    labels: ['chain'],
  }),
  behind: metrics.gauge({
    name: 'iyi_series_behind_notices',
    help: 'Notices of the event log that the series of a chain have yet to go through; counted up to 100,000.',
    labels: ['chain'],
  }),
  pruned: metrics.counter({
    name: 'iyi_series_partitions_dropped_total',
    help: 'Partitions that were dropped because they are older than they are kept, of trades and of each width.',
    labels: ['of'],
  }),
})
