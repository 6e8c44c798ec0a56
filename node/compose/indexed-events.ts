import { ponderIndexReader } from '../adapters/ponder/index-reader.ts'
import type { Database } from '../adapters/postgres/database.ts'
import { type DurableEventLog, eventLog } from '../adapters/postgres/event-log.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { ChainReader } from '../ports/chain.ts'
import type { ChainHalts } from '../ports/chain-trust.ts'
import type { Clock } from '../ports/clock.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Teardown } from './teardown.ts'

/** What reads the index, and the log of its events, started. */
export async function indexedEvents(
  config: NodeConfig,
  modules: {
    readonly database: Database
    readonly chain: ChainReader
    readonly halts: ChainHalts
    readonly teardown: Teardown
    readonly log: Logger
    readonly metrics: Metrics
    readonly clock: Clock
  },
): Promise<{ readonly index: IndexReader; readonly events: DurableEventLog }> {
  const { database, chain, halts, teardown, ...common } = modules
  const index = ponderIndexReader(
    {
      viewsSchema: config.indexer.viewsSchema,
      headPollMs: Math.min(1_000, ...config.chains.map((entry) => entry.pollingIntervalMs ?? 1_000)),
    },
    { pool: database.pool, chain, ...common },
  )
  await index.start()
  teardown.add('index reader', () => index.stop())
  const events = eventLog({}, { database, index, chains: chain, halts, ...common })
  await events.start()
  teardown.add('event log', () => events.stop())
  return { index, events }
}
