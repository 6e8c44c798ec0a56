import { systemClock } from '../adapters/clock/system.ts'
import { adminServer } from '../adapters/hono/admin-server.ts'
import { gateway } from '../adapters/hono/gateway.ts'
import { openKeystores } from '../adapters/keystore/open.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import type { PonderSupervisor } from '../adapters/ponder/supervisor.ts'
import { agreementStore } from '../adapters/postgres/agreement-store.ts'
import { alertStore } from '../adapters/postgres/alert-store.ts'
import { quorumStore } from '../adapters/postgres/quorum-store.ts'
import { pluginStore } from '../adapters/postgres/store.ts'
import { startGuardian } from '../adapters/process/guardian.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import type { StartContext } from '../cli/deps.ts'
import { customContracts } from '../config/custom-contracts.ts'
import type { NodeConfig } from '../config/schema.ts'
import { seriesSources } from '../config/series-sources.ts'
import { pluginHost } from '../kernel/host.ts'
import type { PeerTransport } from '../ports/network.ts'
import { quorumService } from '../quorum/service.ts'
import { agreedReader } from '../trust/agreed-reader.ts'
import { chainHalts } from '../trust/halts.ts'
import { alertTargets, configuredAlerts } from './alerts.ts'
import { loadPlugins } from './builtin.ts'
import { chainAccess } from './chain-access.ts'
import { checkPlugins } from './check-plugins.ts'
import { indexedEvents } from './indexed-events.ts'
import { nodeInference } from './inference.ts'
import { managedIndexer } from './managed-indexer.ts'
import { nodeDatabase } from './node-database.ts'
import { nodeView } from './node-view.ts'
import { nodeOutbox } from './outbox.ts'
import { nodePeers } from './peers.ts'
import { requireFreePorts } from './ports.ts'
import { publicIndex } from './public-index.ts'
import { publishBlocks } from './publish-blocks.ts'
import { timeSeries } from './series.ts'
import { validatorSigners } from './signers.ts'
import { Teardown } from './teardown.ts'
import { auditedChains } from './trust.ts'
import { unlessAborted } from './unless-aborted.ts'
import { version } from './version.ts'
import { watchIndex } from './watch-index.ts'

/** All that a clean stop may take. */
const STOP_MS = 12_000

/**
 * Runs one node until `signal` aborts: adapters, then plugins, then ingress; and all of it back in reverse.
 * Rejects with the first error of a part that the node can't be without.
 */
export async function runNode(
  config: NodeConfig,
  context: StartContext,
  modules: {
    readonly signal: AbortSignal
    /** Stands between the quorum engine and the other validators: the place where the tests' build of the node lies. */
    readonly between?: (transport: PeerTransport) => PeerTransport
  },
): Promise<void> {
  const { signal, between = (transport) => transport } = modules
  const teardown = new Teardown()
  const root = pinoLogger(config.log)
  const log = root.child({ node: config.name })
  const metrics = prometheusMetrics()
  const clock = systemClock
  const common = { log, metrics, clock }
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => {})
  try {
    // Everything that can be wrong without opening anything is told first.
    await checkPlugins(config, context.source)
    const plugins = await loadPlugins(config, context.source.baseDir)
    const custom = customContracts(config, context.source.path)
    const sources = seriesSources(config, custom, context.source.path)
    await requireFreePorts(config)
    const password = await unlessAborted(context.keysPassword(), signal)
    const keys = await openKeystores({ dir: config.keys.dir, password })
    signal.throwIfAborted()

    const guard = startGuardian({ log })
    teardown.add('guardian', () => guard.close())
    const { url, database, history, lock } = await nodeDatabase(config, {
      ...{ keys, guard, teardown, signal, onBroken: broken.reject },
      ...common,
    })

    const halts = chainHalts(common)
    const { pools, chain, sender } = await chainAccess(config, { keys, teardown, ...common })
    const { index, events } = await indexedEvents(config, { database, chain, halts, teardown, ...common })
    const series = timeSeries(config, { sources }, { database, events, teardown, ...common })
    const outbox = await nodeOutbox(config, { database, ...common })
    teardown.add('outbox', () => outbox?.stop())
    outbox?.start()

    const inference = nodeInference(config, { guard, ...common })
    await inference.start()
    teardown.add('inference', () => inference.stop())

    const { transport, contents } = await nodePeers(config, { keys, teardown, signal, ...common })

    const alerts = alertStore({ database, targets: alertTargets(config) })
    const store = quorumStore({ database })
    const agreements = agreementStore({ database })
    // Whatever is signed because of a chain's state is read from as many providers as must agree.
    const signedFor = agreedReader(
      { chains: config.chains },
      { reader: chain, counting: (chainId) => trust.counting(chainId), store: agreements, clock },
    )
    const quorum = quorumService(
      { transmitter: keys.transmitter.address, peerKey: keys.peer.publicKey },
      {
        transport: between(transport),
        store,
        signers: validatorSigners(keys, history),
        chain: signedFor,
        sender,
        ...common,
      },
    )

    let indexer: PonderSupervisor | null = null
    const restart = config.indexer.mode === 'managed' ? (why: string) => indexer?.restart(why) ?? false : null
    const pollingMs = (chainId: number) =>
      config.chains.find(({ id }) => id === chainId)?.pollingIntervalMs ?? 1_000
    const watch = watchIndex({ index, restart, pollingMs, ...common })
    teardown.add('index watch', () => watch.stop())

    const node = nodeView(config, {
      ...{ database, lock, pools, index, events, series, outbox, inference, transport },
      ...{ store, agreements, quorum, watch, clock },
      later: { indexer: () => indexer, trust: () => trust, host: () => host, rules: () => rules },
    })
    const open = await publicIndex(
      config,
      { contracts: custom, url },
      { teardown, database, pools, chain, index, ...common },
    )
    const http = gateway(
      {
        host: config.api.host,
        port: config.api.port,
        corsOrigins: config.api.corsOrigins,
        maxBodyBytes: config.api.maxBodyBytes,
        version,
      },
      {
        ...{ ...common, node, ...open, alerts, series: series?.open ?? null },
      },
    )
    const rules = configuredAlerts(config, {
      ...{ series: series?.reader ?? null, store: alerts, drift: () => inference.drift() },
      ...{ publish: (event) => http.publish(event), ...common },
    })
    const host = pluginHost(
      { plugins, chains: config.chains.map(({ id }) => id) },
      {
        ...common,
        capabilities: {
          'chain.read': () => signedFor,
          'chain.trust': () => trust,
          'chain.write': () => sender,
          'index.read': () => index,
          events: () => events,
          quorum: () => quorum,
          'http.routes': ({ id, routes }) => http.routes({ id, roots: routes }),
          store: ({ id }) => pluginStore({ plugin: id }, { database }),
          inference: () => inference,
          contents: () => contents,
        },
      },
    )
    host.resolve()
    if (config.indexer.mode === 'managed') {
      indexer = await managedIndexer(
        config,
        {
          contracts: host.contracts(),
          ...{ custom, url, onDeepReorg: (id, reason) => events.halt(id, reason) },
        },
        { guard, teardown, chain, ...common },
      )
    }

    const trust = auditedChains(
      config,
      { contracts: host.contracts() },
      { pools, index, database, halts, ...common },
    )
    trust.start()
    teardown.add('chain trust', () => trust.stop())

    signal.throwIfAborted()
    teardown.add('plugins', () => host.stop('the node ends'))
    await unlessAborted(host.setup(), signal)
    await unlessAborted(host.start(), signal)
    teardown.add('quorum', () => quorum.stop(AbortSignal.timeout(3_000)))
    await quorum.start()

    const admin = adminServer(config.admin, {
      log,
      metrics,
      node,
      setLogLevel: (level) => root.setLevel(level),
    })
    const adminAt = await admin.listen()
    teardown.add('admin server', () => admin.close(AbortSignal.timeout(1_000)))
    const { url: apiAt } = await http.listen()
    teardown.add('API', () => http.close(AbortSignal.timeout(2_000)))
    teardown.add('alerts', () => rules.stop())
    await rules.start()
    teardown.add('block stream', publishBlocks({ index, publish: (event) => http.publish(event) }, common))
    log.info({ api: apiAt, admin: adminAt.url, peerId: transport.peerId, version }, 'node started')

    await Promise.race([untilAborted(signal), broken.promise])
    log.info({ reason: String(signal.reason) }, 'node stopping')
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    const began = !teardown.empty
    await teardown.run({
      timeoutMs: STOP_MS,
      onFault: (part, error) => log.warn({ part, err: error }, 'part did not stop cleanly'),
    })
    // A start that was refused before anything was opened has nothing to say but its error.
    if (began) log.info({}, 'node stopped')
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
