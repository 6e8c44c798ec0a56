import type { Clock, Timer } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { ChainFreshness, IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'

const POLL_MS = 1_000
/** An index that is behind its chain and gets no further for so long stands still; twice as long after each restart. */
const STUCK_MS = 60_000
/** So many looks at the chain may bring nothing. */
const STUCK_POLLS = 10
/** Restarts without a block in between, after which a person has to look. */
const RESTARTS = 3

interface Watched {
  /** The farthest that it got: after a restart, and in a reorganisation, it goes back and comes again. */
  farthest: bigint
  /** When it last got farther, or was not behind. */
  since: number
  restarts: number
}

export interface IndexWatch {
  health(): Health
  stop(): void
}

/**
 * Sees to it that the index never stands still in silence: Ponder goes on answering that it is ready while it takes in no
 * block any more. The head comes from this node's own reader, what is indexed from the tables.
 *
 * @param modules.restart ends the indexer, which is then started again; false where it is not at work yet. Null where another
 *   node runs it
 * @param modules.pollingMs how often the indexer looks at a chain
 */
export function watchIndex(modules: {
  readonly index: Pick<IndexReader, 'freshness'>
  readonly restart: ((why: string) => boolean) | null
  readonly pollingMs: (chainId: number) => number
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}): IndexWatch {
  const { index, clock, log } = modules
  const chains = new Map<number, Watched>()
  const stuck = new Map<number, string>()
  const gauge = modules.metrics.gauge({
    name: 'iyi_index_stuck',
    help: '1 while the index is behind the chain and takes in no block.',
    labels: ['chain'],
  })
  let timer: Timer
  let stopped = false

  function look(chain: ChainFreshness): void {
    const now = clock.monotonic()
    const { chainId, name, head, indexed } = chain
    // A backfill has no block yet; its own progress is told elsewhere.
    if (head === null || indexed === null) return
    const watched = chains.get(chainId) ?? { farthest: -1n, since: now, restarts: 0 }
    chains.set(chainId, watched)
    if (indexed.number > watched.farthest || indexed.number >= head.number) {
      if (stuck.delete(chainId)) log.info({ chain: name }, 'The index takes in blocks again')
      Object.assign(watched, { farthest: indexed.number, since: now, restarts: 0 })
      gauge.set(0, { chain: name })
      return
    }
    const patience = Math.max(STUCK_MS, STUCK_POLLS * modules.pollingMs(chainId))
    if (now - watched.since < patience * 2 ** watched.restarts) return
    gauge.set(1, { chain: name })
    const why = `the index of ${name} stands still at block ${indexed.number}, the chain is at ${head.number}`
    watched.since = now
    const restarted = modules.restart?.(why) ?? null
    if (restarted === true) watched.restarts++
    if (restarted === null) log.error({ chain: name, block: indexed.number }, 'The index stands still')
    stuck.set(chainId, `${why}${remedy(restarted, watched.restarts)}`)
  }

  function remedy(restarted: boolean | null, restarts: number): string {
    if (restarted === null) return '; look at the node that keeps it'
    if (!restarted) return '; its program is not at work: look at its log'
    return restarts >= RESTARTS
      ? `; ${restarts} restarts did not help: look at its log and at the providers of the chain`
      : '; it was started again'
  }

  async function poll(): Promise<void> {
    try {
      for (const chain of await index.freshness()) look(chain)
    } catch {
      // The database is away: readiness says so, and nothing can be said about the index.
    }
    if (!stopped) timer = clock.setTimer(POLL_MS, () => void poll())
  }

  timer = clock.setTimer(POLL_MS, () => void poll())
  return {
    health: () =>
      stuck.size === 0 ? { status: 'ok' } : { status: 'degraded', reason: [...stuck.values()].join('; ') },
    stop: () => {
      stopped = true
      timer.cancel()
    },
  }
}
