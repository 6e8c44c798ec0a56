import { agreementStore } from '../adapters/postgres/agreement-store.ts'
import type { Database } from '../adapters/postgres/database.ts'
import type { ChainPools } from '../adapters/viem/pools.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { IndexedContract } from '../kernel/plugin.ts'
import type { ChainHalts } from '../ports/chain-trust.ts'
import type { Clock } from '../ports/clock.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { chainTrust } from '../trust/chain-trust.ts'
import { argumentsOf, auditedEvents } from './audited-events.ts'

/** Compares what the plugins have indexed with the chains' providers. */
export function auditedChains(
  config: Pick<NodeConfig, 'chains'>,
  { contracts }: { contracts: readonly IndexedContract[] },
  modules: {
    pools: ChainPools
    index: IndexReader
    database: Database
    halts: ChainHalts
    clock: Clock
    log: Logger
    metrics: Metrics
  },
): ReturnType<typeof chainTrust> {
  return chainTrust(
    {
      chains: config.chains.map(({ id, name, confirmations, agreement }) => ({
        id,
        name,
        confirmations,
        providers: agreement,
        events: auditedEvents(id, contracts),
      })),
      pollMs: Math.min(1_000, ...config.chains.map((chain) => chain.pollingIntervalMs ?? 1_000)),
    },
    { ...modules, witnesses: modules.pools, store: agreementStore(modules), argumentsOf },
  )
}
