import type { Clock, Timer } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { ChainFreshness, IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'

const POLL_MS = 1_000
/** An index that is behind its chain and took in no block for so long stands still; twice as long after each restart. */
const STUCK_MS = 60_000
/** Restarts without a block in between, after which a person has to look. */
const RESTARTS = 3

interface Watched {
  indexed: bigint | null
  /** When it last took in a block, or was not behind. */
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
 * @param modules.restart ends the indexer, which is then started again; null where another node runs it
 */
export function watchIndex(modules: {
  readonly index: Pick<IndexReader, 'freshness'>
  readonly restart: ((why: string) => void) | null
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
    const watched = chains.get(chainId) ?? { indexed: null, since: now, restarts: 0 }
    chains.set(chainId, watched)
    if (indexed.number !== watched.indexed || indexed.number >= head.number) {
      if (stuck.delete(chainId)) log.info({ chain: name }, 'The index takes in blocks again')
      Object.assign(watched, { indexed: indexed.number, since: now, restarts: 0 })
      gauge.set(0, { chain: name })
      return
    }
    if (now - watched.since < STUCK_MS * 2 ** watched.restarts) return
    gauge.set(1, { chain: name })
    const why = `the index of ${name} stands still at block ${indexed.number}, the chain is at ${head.number}`
    watched.since = now
    watched.restarts++
    stuck.set(chainId, `${why}${remedy(watched.restarts)}`)
    if (modules.restart === null) log.error({ chain: name, block: indexed.number }, 'The index stands still')
    else modules.restart(why)
  }

  function remedy(restarts: number): string {
    if (modules.restart === null) return '; look at the node that keeps it'
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
