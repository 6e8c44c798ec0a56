import { systemClock } from '../adapters/clock/system.ts'
import { forgetAbove, indexHolds } from '../adapters/ponder/forget.ts'
import { EventLogError } from '../adapters/postgres/errors.ts'
import { repairLog, surveyDamage } from '../adapters/postgres/event-recovery.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import { viemChainReader } from '../adapters/viem/chain-reader.ts'
import type { NodeConfig } from '../config/schema.ts'
import { withValidatorDatabase } from './validator-database.ts'

const RPC_TIMEOUT_MS = 10_000

/** What a recovery found and did. */
export interface Recovery {
  readonly chain: string
  /** Block from which the log and the index go on; null: the beginning. */
  readonly ancestor: bigint | null
  readonly reverted: number
}

/**
 * Recovers from a reorganisation deeper than finality: finds the newest block of the log that the chain still has, makes
 * the indexer forget the chain above it, reverts the events above it, and ends the halt. In this order, so that it can
 * be run again after a crash at any point. The node must not run.
 *
 * Rejects with `EventLogError` `EVENTS_UNKNOWN` (no such chain), `EVENTS_INDEX_STALE`; `ChainError`; and as
 * `withValidatorDatabase`.
 */
export async function recoverIndex(
  config: NodeConfig,
  { chainId }: { chainId: number },
  modules: Parameters<typeof withValidatorDatabase>[1],
): Promise<Recovery> {
  const chain = config.chains.find(({ id }) => id === chainId)
  if (chain === undefined) {
    const ids = config.chains.map(({ id }) => id)
    throw new EventLogError(
      'EVENTS_UNKNOWN',
      `Chain ${chainId} is not configured. Name one of ${ids.join(', ')}.`,
      { data: { chainId, chains: ids } },
    )
  }
  return withValidatorDatabase(config, modules, async (database, log) => {
    const reader = viemChainReader(
      { chains: [chain], timeoutMs: RPC_TIMEOUT_MS },
      { clock: systemClock, log, metrics: prometheusMetrics() },
    )
    try {
      const damage = await surveyDamage(database, { chainId }, { chain: reader })
      const { viewsSchema, mode } = config.indexer
      const after = damage.ancestor?.number ?? null
      if (mode === 'managed') await forgetAbove({ viewsSchema, chainId, after }, database)
      else if (await indexHolds({ viewsSchema, chainId, blocks: damage.dead }, database)) {
        throw new EventLogError(
          'EVENTS_INDEX_STALE',
          `The index in schema "${viewsSchema}" still holds blocks that ${chain.name} dropped, and this node does not manage it. Build it anew, then run this again.`,
          { data: { viewsSchema, chainId } },
        )
      }
      await repairLog(database, damage)
      return { chain: chain.name, ancestor: after, reverted: damage.events.length }
    } finally {
      await reader.stop()
    }
  })
}
