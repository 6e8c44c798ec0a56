import { join } from 'node:path'
import { type PonderSupervisor, ponderSupervisor } from '../adapters/ponder/supervisor.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { IndexedContract } from '../kernel/plugin.ts'
import type { ChainReader } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { CustomContract } from '../ports/custom-tables.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { ProcessGuard } from '../ports/process.ts'
import { type RpcEndpoint, urlOf } from '../ports/rpc-endpoint.ts'
import { chainIdentities } from './chain-identities.ts'
import type { Teardown } from './teardown.ts'
import { packageRoot } from './version.ts'

/** Runs the node's own indexer for what its plugins need. It starts in the background; readiness tells when it is there. */
export async function managedIndexer(
  config: NodeConfig,
  options: {
    contracts: readonly IndexedContract[]
    /** The operator's own. */
    custom: readonly CustomContract[]
    url: string
    /** Told of a chain that was reorganised deeper than the indexer can follow. */
    onDeepReorg: (chainId: number, reason: string) => void
  },
  modules: {
    guard: ProcessGuard
    teardown: Teardown
    chain: ChainReader
    log: Logger
    metrics: Metrics
    clock: Clock
  },
): Promise<PonderSupervisor> {
  const { guard, log, metrics, clock, teardown } = modules
  const chains = config.chains.map(({ id, name, rpc, pollingIntervalMs }) => ({
    id,
    name,
    rpc: rpc.map(indexed),
    pollingIntervalMs,
  }))
  const identities = await chainIdentities(
    {
      chains: chains.map((chain) => ({ ...chain, rpc: chain.rpc.map(urlOf) })),
      file: join(config.dataDir, 'indexer-genesis.json'),
    },
    modules,
  )
  const indexer = ponderSupervisor(
    {
      root: join(packageRoot, 'indexer'),
      dir: join(config.dataDir, 'index'),
      databaseUrl: options.url,
      schemaPrefix: config.indexer.viewsSchema,
      viewsSchema: config.indexer.viewsSchema,
      port: config.indexer.port,
      identities,
      onDeepReorg: options.onDeepReorg,
      config: {
        chains,
        contracts: options.contracts,
        custom: options.custom,
      },
    },
    { guard, log, metrics, clock },
  )
  teardown.add('indexer', () => indexer.stop(AbortSignal.timeout(4_000)))
  await indexer.start()
  return indexer
}

/** A provider as the indexer has it. */
function indexed(endpoint: RpcEndpoint) {
  const url = urlOf(endpoint)
  const rate = typeof endpoint === 'string' ? undefined : endpoint.indexerRequestsPerSecond
  return rate === undefined ? url : { url, requestsPerSecond: rate }
}
