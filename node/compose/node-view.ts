import type { NodeView } from '../adapters/hono/node-view.ts'
import type { PonderSupervisor } from '../adapters/ponder/supervisor.ts'
import type { Database } from '../adapters/postgres/database.ts'
import type { DurableEventLog } from '../adapters/postgres/event-log.ts'
import type { ChainPools } from '../adapters/viem/pools.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { InferenceService } from '../inference/inference-service.ts'
import type { PluginHost } from '../kernel/host.ts'
import type { AgreementStore } from '../ports/agreement-store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { QuorumStore } from '../ports/quorum.ts'
import type { QuorumService } from '../quorum/service.ts'
import type { configuredAlerts } from './alerts.ts'
import type { NodeDatabase } from './node-database.ts'
import type { nodeOutbox } from './outbox.ts'
import type { nodePeers } from './peers.ts'
import { readiness } from './readiness.ts'
import type { timeSeries } from './series.ts'
import type { auditedChains } from './trust.ts'
import { version } from './version.ts'
import type { IndexWatch } from './watch-index.ts'

interface Parts {
  readonly database: Database
  readonly lock: NodeDatabase['lock']
  readonly pools: ChainPools
  readonly index: IndexReader
  readonly events: DurableEventLog
  readonly series: ReturnType<typeof timeSeries>
  readonly outbox: Awaited<ReturnType<typeof nodeOutbox>>
  readonly inference: InferenceService
  readonly transport: Awaited<ReturnType<typeof nodePeers>>['transport']
  readonly store: QuorumStore
  readonly agreements: AgreementStore
  readonly quorum: QuorumService
  readonly watch: IndexWatch
  readonly clock: Clock
  /** What is there later than the servers that show it. */
  readonly later: {
    /** Null where the index is another's, or not there yet. */
    indexer(): PonderSupervisor | null
    trust(): ReturnType<typeof auditedChains>
    host(): PluginHost
    rules(): ReturnType<typeof configuredAlerts>
  }
}

/** The node as its servers show it. */
export function nodeView(config: NodeConfig, parts: Parts): NodeView {
  const { database, lock, pools, index, events, series, outbox, inference, transport } = parts
  const { store, agreements, quorum, watch, clock, later } = parts
  const view: NodeView = {
    identity: () => ({ id: transport.peerId, name: config.name, version }),
    freshness: () => index.freshness(),
    readiness: () =>
      readiness({
        database: () => database.health(),
        index,
        indexer: () => worst(later.indexer()?.health() ?? { status: 'ok' }, watch.health()),
        trust: () => view.trust(),
        now: () => clock.now(),
        duties: () => quorum.statuses(),
        maySign: () => lock.held(),
        inference: () => inference.health(),
        events: () => events.health(),
        ...(outbox === null ? {} : { outbox: () => outbox.health() }),
        series: series?.health ?? null,
        alerts: () => later.rules().health(),
      }),
    plugins: () =>
      later
        .host()
        .plugins()
        .map((plugin) => ({
          id: plugin.id,
          version: plugin.version,
          health: later
            .host()
            .health()
            .find((entry) => entry.plugin === plugin.id)?.health ?? {
            status: 'failed',
            reason: 'not running',
          },
        })),
    peers: () => transport.peers(),
    trust: () =>
      later
        .trust()
        .status()
        .map((status) => ({ ...status, providers: pools.status(status.chainId) })),
    chainEvidence: (filter) => agreements.evidence(filter),
    oneChainEvidence: (chainId, id) => agreements.oneEvidence(chainId, id),
    duties: () => quorum.statuses(),
    offences: (filter) => store.offences(filter),
    offence: (id) => store.offence(id),
  }
  return view
}

/** The first that is not well. */
function worst(...healths: readonly Health[]): Health {
  return healths.find(({ status }) => status !== 'ok') ?? healths[0] ?? { status: 'ok' }
}
