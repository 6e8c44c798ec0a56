import { join } from 'node:path'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderIndexReader } from '../../../node/adapters/ponder/index-reader.ts'
import type { IndexerConfig } from '../../../node/adapters/ponder/indexer-config.ts'
import { ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import { openDatabase } from '../../../node/adapters/postgres/database.ts'
import { type DurableEventLog, eventLog } from '../../../node/adapters/postgres/event-log.ts'
import { seriesEngine } from '../../../node/adapters/postgres/series-engine.ts'
import { viemChainReader } from '../../../node/adapters/viem/chain-reader.ts'
import type { ChainHalts } from '../../../node/ports/chain-trust.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { Metrics } from '../../../node/ports/metrics.ts'
import type { SeriesRetention } from '../../../node/ports/series-source.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { freePort } from '../../../test/adapters/ponder/fixture.ts'
import { PROJECT_ROOT } from '../../artifacts.ts'
import { CONFIRMATIONS, FINALITY, type TortureChain } from '../chain.ts'
import type { Tables } from '../compare-index.ts'

export const POLL_MS = 100
const VIEWS = 'iyi_index'
/** Nothing is dropped: all of it is audited. */
const retention: SeriesRetention = {
  ...{ trades: null, '1s': null, '10s': null, '1m': null, '5m': null, '15m': null, '1h': null },
  ...{ '4h': null, '1d': null },
}

/** What a node has between its chains and its plugins, in this process. */
export interface Parts {
  readonly config: IndexerConfig
  readonly halts: ChainHalts
  /** The event log of now; another one after `restartLog`. */
  events(): DurableEventLog
  /** Ends the event log and the series made of it, and starts others on the same database. */
  restartLog(): Promise<void>
  /** The indexer has made its tables, and may be reading the past. */
  begun(): Promise<boolean>
  /** The build is live and follows its chains. */
  ready(): boolean
  /** The tables of the one build. */
  tables(): Tables
  stop(): Promise<void>
}

/** What the indexer follows: all that the chains have. */
export function indexerConfig(chains: readonly TortureChain[]): IndexerConfig {
  return {
    chains: chains.map(({ anvil, name }) => ({
      ...{ id: anvil.chainId, name, rpc: [anvil.url], pollingIntervalMs: POLL_MS },
    })),
    contracts: chains.flatMap(({ anvil: { chainId }, market, feed }) => [
      { kind: 'pool', chainId, address: market.pool, startBlock: market.startBlock },
      { kind: 'feed', chainId, address: feed.address, startBlock: market.startBlock },
    ]),
    custom: chains.flatMap(({ custom }) => custom),
  }
}

/** @param subscribe is called with every event log */
export async function startParts(
  options: { readonly chains: readonly TortureChain[]; readonly databaseUrl: string; readonly dir: string },
  modules: { readonly log: Logger; readonly metrics: Metrics },
  subscribe: (events: DurableEventLog) => Promise<void>,
): Promise<Parts> {
  const { chains, databaseUrl, dir } = options
  const common = { clock: systemClock, ...modules }
  const config = indexerConfig(chains)
  const database = await openDatabase(
    { url: databaseUrl, schema: 'iyi', applicationName: 'torture' },
    modules,
  )
  const chain = viemChainReader(
    {
      chains: config.chains.map(({ id, name, rpc }) => ({
        ...{
          id,
          name,
          rpc,
          confirmations: CONFIRMATIONS,
          finality: { depth: FINALITY },
          headPollMs: POLL_MS,
        },
      })),
      timeoutMs: 5_000,
    },
    common,
  )
  await chain.start()
  const index = ponderIndexReader(
    { viewsSchema: VIEWS, headPollMs: POLL_MS },
    { pool: database.pool, chain, ...common },
  )
  await index.start()
  const halts = chainHalts(common)
  const newLog = async () => {
    const events = eventLog({ pollMs: 50 }, { database, index, chains: chain, halts, ...common })
    await events.start()
    await subscribe(events)
    const series = seriesEngine(
      { chains: config.chains, sources: chains.map(({ fills }) => fills), retention, pollMs: 50 },
      { database, events, ...common },
    )
    series.start()
    const stop = async () => {
      await series.stop()
      await events.stop()
    }
    return { events, stop }
  }
  let log = await newLog()
  const supervisor = ponderSupervisor(
    {
      ...{ root: join(PROJECT_ROOT, 'indexer'), databaseUrl, config, dir: join(dir, 'index') },
      ...{ schemaPrefix: VIEWS, viewsSchema: VIEWS, port: await freePort() },
      onDeepReorg: (chainId, reason) => log.events.halt(chainId, reason),
    },
    { ...common, guard: { watch: () => {}, release: () => {} } },
  )
  await supervisor.start()
  return {
    ...{ config, halts },
    events: () => log.events,
    async restartLog() {
      await log.stop()
      log = await newLog()
    },
    async begun() {
      const [row] = await database.query('select to_regclass($1) as found', [
        `"${supervisor.schema}"."watermark"`,
      ])
      return row?.found !== null
    },
    ready: () => supervisor.health().status === 'ok',
    tables: () => ({ pool: database.pool, schema: supervisor.schema }),
    async stop() {
      await supervisor.stop(AbortSignal.timeout(5_000))
      await log.stop()
      await index.stop()
      await chain.stop()
      await database.close()
    },
  }
}
