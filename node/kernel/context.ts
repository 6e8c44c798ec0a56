import type { Capabilities, CapabilityName } from '../ports/capabilities.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { KernelError } from './errors.ts'
import type { AnyPlugin, ApiOf, Context, Requirements } from './plugin.ts'
import type { Leash } from './revocable.ts'

/** What a capability's provider may know of the plugin it makes a view for. */
export interface PluginIdentity {
  readonly id: string
  /** The path roots that are its own. */
  readonly routes: readonly string[]
}

/** Gives each plugin its own view of a capability. Called in `setup`, once a plugin and capability; does no I/O. */
export type CapabilityProvider = {
  readonly [N in CapabilityName]: (plugin: PluginIdentity) => Capabilities[N]
}

/** A context whose types were erased, as the host makes it. */
export type AnyContext = Context<CapabilityName, Requirements, unknown>

/**
 * Builds the only thing a plugin's code is ever given. It refuses at runtime what the types refuse at compile time,
 * for code that casts or has no types at all.
 */
export function pluginContext(
  options: {
    readonly plugin: AnyPlugin
    readonly config: unknown
    readonly identity: PluginIdentity
    readonly signal: AbortSignal
    readonly leash: Leash
    /** The API of a plugin that was set up before. */
    readonly apiOf: (pluginId: string) => unknown
  },
  modules: {
    readonly capabilities: CapabilityProvider
    readonly log: Logger
    readonly metrics: Metrics
    readonly clock: Clock
  },
): AnyContext {
  const { plugin, identity } = options
  const views = new Map<string, unknown>()
  const grant = <K extends CapabilityName>(name: K) => {
    views.set(name, options.leash.hold(name, modules.capabilities[name](identity)))
  }
  for (const name of plugin.needs) grant(name)

  const can = <K extends CapabilityName>(capability: K): Capabilities[K] => {
    if (!views.has(capability)) {
      throw new KernelError(
        'KERNEL_UNDECLARED_CAPABILITY',
        `plugin "${identity.id}" asked for "${capability}" without declaring it: its author must add it to needs`,
        { data: { plugin: identity.id, capability } },
      )
    }
    // The map holds under each name what the provider of that very name gave (see `grant`).
    return views.get(capability) as Capabilities[K]
  }
  const use = <K extends string>(name: K): ApiOf<Requirements[K]> => {
    const token = Object.hasOwn(plugin.requires, name) ? plugin.requires[name] : undefined
    if (token === undefined) {
      throw new KernelError(
        'KERNEL_UNDECLARED_DEPENDENCY',
        `plugin "${identity.id}" asked for the API "${name}" without declaring it: its author must add it to requires`,
        { data: { plugin: identity.id, dependency: name } },
      )
    }
    return options.apiOf(token.id)
  }
  return Object.freeze({
    id: identity.id,
    config: options.config,
    can,
    use,
    log: modules.log.child({ plugin: identity.id }),
    metrics: modules.metrics,
    clock: modules.clock,
    signal: options.signal,
  })
}
