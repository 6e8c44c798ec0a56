import type { CapabilityName } from '../ports/capabilities.ts'
import type { Clock } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { CapabilityProvider } from './context.ts'
import { KernelError, PluginsRefusedError } from './errors.ts'
import { mergeContracts, messageOf, parseConfigs } from './parse-configs.ts'
import { type Deadlines, defaultDeadlines, phaseRunner } from './phase.ts'
import type { IndexedContract } from './plugin.ts'
import { type LoadedPlugin, resolvePlugins } from './resolve.ts'
import { routeRoots } from './route-roots.ts'
import { type PluginAtWork, setUp } from './set-up.ts'

/** A plugin as the operator sees it. */
export interface PluginSummary {
  readonly id: string
  readonly version: string
  readonly summary: string
  readonly source: string
  readonly needs: readonly CapabilityName[]
  readonly requires: readonly string[]
  readonly routes: readonly string[]
}

/** Runs the plugins of one node through their life: `resolve`, `setup`, `start`, `stop`, each once and in this order. */
export interface PluginHost {
  /**
   * Checks ids, dependencies, grants, routes and every configuration. Synchronous, no I/O; may be called again.
   * Throws `PluginsRefusedError` with every fault at once.
   */
  resolve(): void
  /** What the indexer must follow for the plugins, each contract once; calls `resolve` where that was not done. */
  contracts(): readonly IndexedContract[]
  /** The plugins in the order of their start; calls `resolve` where that was not done. */
  plugins(): readonly PluginSummary[]
  /** Loads each plugin's code and builds it; no I/O beyond the import. Rejects with `KernelError`. */
  setup(): Promise<void>
  /**
   * Starts level by level, the plugins of one level together. Where one fails, those that run are stopped in reverse
   * order and the first failure is thrown: `KERNEL_START_FAILED` (`retry` as its cause says), `KERNEL_DEADLINE`, or
   * `KERNEL_STOPPING` when `stop` came in between.
   */
  start(): Promise<void>
  /**
   * Aborts the contexts' signals and stops in reverse order, to the end even where a plugin fails; then rejects with
   * `KERNEL_STOP_FAILED`. A second call waits for the first.
   */
  stop(reason: string): Promise<void>
  /** What each plugin says of itself now; one that throws is `failed`. */
  health(): readonly { readonly plugin: string; readonly health: Health }[]
}

export interface HostOptions {
  readonly plugins: readonly LoadedPlugin[]
  readonly deadlines?: Partial<Deadlines>
  /** Path roots that the node serves itself; `/v1/node` and `/v1/stream` when absent. */
  readonly reservedRoutes?: readonly string[]
  /** Ids of the chains that the node has: no plugin may follow a contract elsewhere. Any chain when absent. */
  readonly chains?: readonly number[]
  /** Ids of the models that the node has: no plugin may count on another. Any model when absent. */
  readonly models?: readonly string[]
  /** Events of operators' contracts, `<contract>.<signature>`, that the event log tells. Any event when absent. */
  readonly customEvents?: readonly string[]
}

export interface HostModules {
  readonly capabilities: CapabilityProvider
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

type Phase = 'new' | 'setting up' | 'ready' | 'starting' | 'running' | 'stopping' | 'stopped'

export function pluginHost(options: HostOptions, modules: HostModules): PluginHost {
  const run = phaseRunner({ ...defaultDeadlines, ...options.deadlines }, modules)
  const stopping = new AbortController()
  const atWork = new Map<string, PluginAtWork>()
  const started = new Set<string>()
  const up = modules.metrics.gauge({
    name: 'iyi_kernel_plugin_running',
    help: '1 while the plugin runs',
    labels: ['plugin'],
  })
  let phase: Phase = 'new'
  let resolved: ReturnType<typeof check> | null = null
  /** The setup or start that is under way, or was last. */
  let busy: Promise<void> | null = null
  let stopped: Promise<void> | null = null

  const check = () => {
    const { levels, faults } = resolvePlugins(
      options.plugins,
      options.reservedRoutes ?? ['/v1/node', '/v1/stream'],
    )
    const { parsed, faults: configFaults } = parseConfigs(options.plugins, options)
    const all = [...faults, ...configFaults]
    if (all.length > 0) throw new PluginsRefusedError(all)
    return { levels, order: levels.flat(), parsed }
  }
  const resolve = () => {
    resolved ??= check()
    return resolved
  }
  const enter = (from: Phase, to: Phase) => {
    if (phase !== from) {
      throw new KernelError('KERNEL_WRONG_PHASE', `the plugins are ${phase}, they can't be ${to} now`, {
        data: { plugin: null, phase },
      })
    }
    phase = to
  }

  const setUpAll = async () => {
    const { order, parsed } = resolve()
    const apiOf = (id: string) => atWork.get(id)?.running.api
    try {
      for (const loaded of order) {
        stopping.signal.throwIfAborted()
        const id = loaded.plugin.provides.id
        const config = parsed.get(id)?.config
        const identity = Object.freeze({ id, routes: Object.freeze([...routeRoots(loaded.plugin)]) })
        atWork.set(
          id,
          await setUp({ loaded, config, identity, signal: stopping.signal, apiOf }, { ...modules, run }),
        )
      }
    } catch (cause) {
      phase = 'stopped'
      stopping.abort(cause)
      for (const plugin of atWork.values()) plugin.leash.revoke()
      throw cause
    }
    phase = 'ready'
  }

  const startOne = async ({ id, running, log }: PluginAtWork) => {
    try {
      await run('start', id, async () => running.start?.())
      started.add(id)
      up.set(1, { plugin: id })
      log.info({}, 'plugin started')
    } catch (cause) {
      // Late is not dead: what still starts must be told to stop. What rejected has cleaned up after itself.
      if (cause instanceof KernelError && cause.code === 'KERNEL_DEADLINE') started.add(id)
      throw cause
    }
  }

  const startAll = async () => {
    try {
      for (const level of resolve().levels) {
        stopping.signal.throwIfAborted()
        const plugins = level
          .map(({ plugin }) => atWork.get(plugin.provides.id))
          .filter((p) => p !== undefined)
        const failures = (await Promise.allSettled(plugins.map(startOne)))
          .filter((outcome) => outcome.status === 'rejected')
          .map((outcome): unknown => outcome.reason)
        for (const failure of failures.slice(1)) modules.log.error({ err: failure }, 'plugin did not start')
        if (failures.length > 0) throw failures[0]
      }
      stopping.signal.throwIfAborted()
    } catch (cause) {
      stopping.abort(cause)
      for (const failure of await stopAll()) modules.log.error({ err: failure }, 'plugin did not stop')
      throw cause
    }
    phase = 'running'
  }

  const stopOne = async ({ id, running, log, leash }: PluginAtWork) => {
    try {
      if (!started.delete(id)) return
      await run('stop', id, async (deadline) => running.stop?.(deadline))
      log.info({}, 'plugin stopped')
    } finally {
      up.set(0, { plugin: id })
      leash.revoke()
    }
  }

  /** Stops what runs, level by level in reverse; gives the failures. */
  const stopAll = async (): Promise<readonly unknown[]> => {
    const failures: unknown[] = []
    for (const level of resolve().levels.toReversed()) {
      const plugins = level.map(({ plugin }) => atWork.get(plugin.provides.id)).filter((p) => p !== undefined)
      for (const outcome of await Promise.allSettled(plugins.toReversed().map(stopOne))) {
        if (outcome.status === 'rejected') failures.push(outcome.reason)
      }
    }
    phase = 'stopped'
    return failures
  }

  const stop = async (reason: string) => {
    stopping.abort(
      new KernelError('KERNEL_STOPPING', `the node is stopping: ${reason}`, {
        data: { plugin: null, reason },
      }),
    )
    // A setup or start in flight sees the signal at its next step and undoes what it did itself.
    await busy?.catch(() => undefined)
    if (phase === 'new' || phase === 'stopped') {
      phase = 'stopped'
      return
    }
    phase = 'stopping'
    modules.log.info({ reason }, 'stop plugins')
    const failures = await stopAll()
    if (failures.length === 0) return
    throw new KernelError(
      'KERNEL_STOP_FAILED',
      `not every plugin stopped cleanly: ${failures.map(messageOf).join('; ')}`,
      { data: { plugin: null }, cause: failures[0] },
    )
  }

  const healthOf = (id: string): Health => {
    if (!started.has(id)) {
      const reason =
        phase === 'stopping' || phase === 'stopped' ? 'it is stopped' : 'it has not started yet: wait'
      return { status: 'failed', reason }
    }
    try {
      return atWork.get(id)?.running.health?.() ?? { status: 'ok' }
    } catch (cause) {
      return { status: 'failed', reason: `its health check failed: ${messageOf(cause)}` }
    }
  }

  return {
    resolve() {
      resolve()
    },
    contracts() {
      return mergeContracts([...resolve().parsed.values()].map((parsed) => parsed.contracts))
    },
    plugins() {
      return resolve().order.map(({ plugin, source }) => ({
        id: plugin.provides.id,
        version: plugin.version,
        summary: plugin.summary,
        source,
        needs: plugin.needs,
        requires: Object.values(plugin.requires).map((token) => token.id),
        routes: routeRoots(plugin),
      }))
    },
    async setup() {
      resolve()
      enter('new', 'setting up')
      busy = setUpAll()
      await busy
    },
    async start() {
      enter('ready', 'starting')
      busy = startAll()
      await busy
    },
    stop(reason) {
      stopped ??= stop(reason)
      return stopped
    },
    health() {
      return resolve().order.map(({ plugin }) => ({
        plugin: plugin.provides.id,
        health: healthOf(plugin.provides.id),
      }))
    },
  }
}
