import type { Database } from '../adapters/postgres/database.ts'
import type { DurableEventLog } from '../adapters/postgres/event-log.ts'
import { publicReads } from '../adapters/postgres/public-reads.ts'
import { seriesEngine } from '../adapters/postgres/series-engine.ts'
import { seriesReader } from '../adapters/postgres/series-reader.ts'
import type { NodeConfig } from '../config/schema.ts'
import { seriesRetention } from '../config/series-schema.ts'
import type { Clock } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { SeriesReader } from '../ports/series.ts'
import type { FillSource } from '../ports/series-source.ts'
import type { Teardown } from './teardown.ts'

/**
 * Makes time series of the trades in the event log, and gives what reads them: `reader` for the node itself, `open` for
 * anybody. Null where they are off.
 */
export function timeSeries(
  config: NodeConfig,
  { sources }: { readonly sources: readonly FillSource[] },
  modules: {
    readonly database: Database
    readonly events: DurableEventLog
    readonly teardown: Teardown
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): { readonly reader: SeriesReader; readonly open: SeriesReader; readonly health: () => Health } | null {
  const { enabled, retention } = config.series
  if (!enabled) return null
  const engine = seriesEngine(
    { chains: config.chains, sources, retention: seriesRetention(retention) },
    modules,
  )
  engine.start()
  modules.teardown.add('time series', () => engine.stop())
  const reads = publicReads(modules.database)
  modules.teardown.add('series reads', () => reads.close())
  return {
    reader: seriesReader(modules),
    open: seriesReader({ database: reads }),
    health: () => engine.health(),
  }
}
