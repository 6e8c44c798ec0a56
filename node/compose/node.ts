import { systemClock } from '../adapters/clock/system.ts'
import { adminServer } from '../adapters/hono/admin-server.ts'
import { gateway } from '../adapters/hono/gateway.ts'
import type { NodeView } from '../adapters/hono/node-view.ts'
import { openKeystores } from '../adapters/keystore/open.ts'
import { libp2pTransport } from '../adapters/libp2p/transport.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import { ponderIndexReader } from '../adapters/ponder/index-reader.ts'
import type { PonderSupervisor } from '../adapters/ponder/supervisor.ts'
import { agreementStore } from '../adapters/postgres/agreement-store.ts'
import { alertStore } from '../adapters/postgres/alert-store.ts'
import { openDatabase } from '../adapters/postgres/database.ts'
import { lockDatabase } from '../adapters/postgres/database-lock.ts'
import { eventLog } from '../adapters/postgres/event-log.ts'
import { refuseRetiredKeys } from '../adapters/postgres/history-transfer.ts'
import { quorumStore } from '../adapters/postgres/quorum-store.ts'
import { signingHistory } from '../adapters/postgres/signing-history.ts'
import { pluginStore } from '../adapters/postgres/store.ts'
import { startGuardian } from '../adapters/process/guardian.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import { viemChainReader } from '../adapters/viem/chain-reader.ts'
import { chainPools } from '../adapters/viem/pools.ts'
import { viemTxSender } from '../adapters/viem/tx-sender.ts'
import type { StartContext } from '../cli/deps.ts'
import { customContracts } from '../config/custom-contracts.ts'
import type { NodeConfig } from '../config/schema.ts'
import { seriesSources } from '../config/series-sources.ts'
import { pluginHost } from '../kernel/host.ts'
import type { Health } from '../ports/health.ts'
import type { PeerTransport } from '../ports/network.ts'
import { quorumService } from '../quorum/service.ts'
import { agreedReader } from '../trust/agreed-reader.ts'
import { chainHalts } from '../trust/halts.ts'
import { alertTargets, configuredAlerts } from './alerts.ts'
import { loadPlugins } from './builtin.ts'
import { checkPlugins } from './check-plugins.ts'
import { contentRate, nodeContents } from './contents.ts'
import { databaseUrl } from './database-url.ts'
import { nodeInference } from './inference.ts'
import { managedIndexer } from './managed-indexer.ts'
import { wantedModels } from './models/fetch-wanted.ts'
import { nodeOutbox } from './outbox.ts'
import { requireFreePorts } from './ports.ts'
import { publicIndex } from './public-index.ts'
import { publishBlocks } from './publish-blocks.ts'
import { readiness } from './readiness.ts'
import { timeSeries } from './series.ts'
import { validatorSigners } from './signers.ts'
import { Teardown } from './teardown.ts'
import { auditedChains } from './trust.ts'
import { unlessAborted } from './unless-aborted.ts'
import { version } from './version.ts'
import { watchIndex } from './watch-index.ts'

/** All that a clean stop may take. */
const STOP_MS = 12_000
const RPC_TIMEOUT_MS = 10_000
const RECEIPT_TIMEOUT_MS = 120_000
/** A transaction that is not mined after this is sent again with higher fees. */
const BUMP_AFTER_MS = 20_000

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
    const url = await databaseUrl(config, { guard, log, teardown, onEnd: broken.reject })
    const database = await openDatabase(
      { url, schema: config.database.schema, applicationName: config.name, signal },
      { log, metrics },
    )
    teardown.add('database', () => database.close())
    const history = signingHistory({ database, metrics })
    const lock = await lockDatabase(
      {
        onLost: (error) => {
          history.suspend('another process may act as this validator')
          broken.reject(error)
        },
      },
      { database, clock, log },
    )
    teardown.add('database lock', () => lock.release())
    await refuseRetiredKeys({ keys: [keys.consensus.id, keys.signer.id] }, { database })

    const halts = chainHalts(common)
    const pools = chainPools({ chains: config.chains, timeoutMs: RPC_TIMEOUT_MS }, common)
    const chain = viemChainReader(
      {
        chains: config.chains.map(({ pollingIntervalMs, ...entry }) => ({
          ...entry,
          ...(pollingIntervalMs === undefined ? {} : { headPollMs: pollingIntervalMs }),
        })),
        timeoutMs: RPC_TIMEOUT_MS,
      },
      { pools, ...common },
    )
    await chain.start()
    teardown.add('chain reader', () => chain.stop())
    const sender = viemTxSender(
      {
        chains: config.chains,
        privateKey: keys.transmitter.privateKey,
        receiptTimeoutMs: RECEIPT_TIMEOUT_MS,
        bumpAfterMs: BUMP_AFTER_MS,
        pollMs: Math.min(500, ...config.chains.map((entry) => entry.pollingIntervalMs ?? 500)),
      },
      { reader: chain, pools, ...common },
    )
    await sender.start()
    teardown.add('transaction sender', () => sender.stop())

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
    const series = timeSeries(config, { sources }, { database, events, teardown, ...common })
    const outbox = await nodeOutbox(config, { database, ...common })
    teardown.add('outbox', () => outbox?.stop())
    outbox?.start()

    const inference = nodeInference(config, { guard, ...common })
    await inference.start()
    teardown.add('inference', () => inference.stop())

    const transport = libp2pTransport(
      {
        ...{ listen: config.network.listen, peers: config.network.peers, privateKeySeed: keys.peer.seed },
        contentBytesPerSecond: contentRate(config),
      },
      common,
    )
    signal.throwIfAborted()
    await transport.start()
    teardown.add('peer transport', () => transport.stop())
    const contents = nodeContents(config, { peers: transport.contents, ...common })
    teardown.add('contents', () => contents.stop())
    await contents.start()
    const wanted = wantedModels(config, { contents, ...common })
    teardown.add('wanted models', () => wanted.stop())
    wanted.start()

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

    const node: NodeView = {
      identity: () => ({ id: transport.peerId, name: config.name, version }),
      freshness: () => index.freshness(),
      readiness: () =>
        readiness({
          database: () => database.health(),
          index,
          indexer: () => worst(indexer?.health() ?? { status: 'ok' }, watch.health()),
          trust: () => node.trust(),
          now: () => clock.now(),
          duties: () => quorum.statuses(),
          maySign: () => lock.held(),
          inference: () => inference.health(),
          events: () => events.health(),
          ...(outbox === null ? {} : { outbox: () => outbox.health() }),
          series: series?.health ?? null,
          alerts: () => rules.health(),
        }),
      plugins: () =>
        host.plugins().map((plugin) => ({
          id: plugin.id,
          version: plugin.version,
          health: host.health().find((entry) => entry.plugin === plugin.id)?.health ?? {
            status: 'failed',
            reason: 'not running',
          },
        })),
      peers: () => transport.peers(),
      trust: () => trust.status().map((status) => ({ ...status, providers: pools.status(status.chainId) })),
      chainEvidence: (filter) => agreements.evidence(filter),
      oneChainEvidence: (chainId, id) => agreements.oneEvidence(chainId, id),
      duties: () => quorum.statuses(),
      offences: (filter) => store.offences(filter),
      offence: (id) => store.offence(id),
    }
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

/** The first that is not well. */
function worst(...healths: readonly Health[]): Health {
  return healths.find(({ status }) => status !== 'ok') ?? healths[0] ?? { status: 'ok' }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
