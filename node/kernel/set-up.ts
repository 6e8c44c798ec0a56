import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { type CapabilityProvider, type PluginIdentity, pluginContext } from './context.ts'
import { KernelError } from './errors.ts'
import type { PhaseRunner } from './phase.ts'
import type { Running } from './plugin.ts'
import type { LoadedPlugin } from './resolve.ts'
import { type Leash, leash } from './revocable.ts'

/** A plugin that was built. */
export interface PluginAtWork {
  readonly id: string
  readonly running: Running<unknown>
  readonly log: Logger
  readonly leash: Leash
}

/** Imports a plugin's code and builds it with a context of its own. Rejects with `KernelError`. */
export async function setUp(
  options: {
    readonly loaded: LoadedPlugin
    readonly config: unknown
    readonly identity: PluginIdentity
    readonly signal: AbortSignal
    readonly apiOf: (pluginId: string) => unknown
  },
  modules: {
    readonly capabilities: CapabilityProvider
    readonly log: Logger
    readonly metrics: Metrics
    readonly clock: Clock
    readonly run: PhaseRunner
  },
): Promise<PluginAtWork> {
  const { plugin } = options.loaded
  const id = options.identity.id
  const own = leash(id)
  try {
    const running = await modules.run('setup', id, async () => {
      const module = await plugin.load()
      if (typeof module.setup !== 'function') throw badSetup(id, 'its module exports no function "setup"')
      const context = pluginContext({ ...options, plugin, leash: own }, modules)
      // The one place where erased types meet: `definePlugin` made sure that this context is what this setup takes.
      const built: unknown = module.setup(context as never)
      if (!isRunning(built)) {
        if (built instanceof Promise) built.catch(() => undefined)
        throw badSetup(
          id,
          'setup() must give { api, start?, stop?, health? } at once: move what waits to start()',
        )
      }
      return built
    })
    return { id, running, log: modules.log.child({ plugin: id }), leash: own }
  } catch (cause) {
    own.revoke()
    throw cause
  }
}

function isRunning(value: unknown): value is Running<unknown> {
  return typeof value === 'object' && value !== null && 'api' in value && !('then' in value)
}

function badSetup(plugin: string, what: string): KernelError {
  return new KernelError('KERNEL_SETUP_FAILED', `plugin "${plugin}" can't be set up: ${what}`, {
    data: { plugin },
  })
}
