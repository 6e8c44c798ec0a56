import { z } from 'zod'
import { type HostOptions, pluginHost } from '../../node/kernel/host.ts'
import { type AnyPlugin, apiToken, type IndexedContract, type Running } from '../../node/kernel/plugin.ts'
import type { LoadedPlugin } from '../../node/kernel/resolve.ts'
import type { CapabilityName } from '../../node/ports/capabilities.ts'
import {
  capabilityProviders,
  recordingLogger,
  recordingMetrics,
  virtualClock,
} from '../fakes/host-modules.ts'

/** What a sample's setup sees: untyped, as code that casts would have it. */
export interface LooseContext {
  readonly id: string
  readonly config: unknown
  readonly signal: AbortSignal
  can(name: string): unknown
  use(name: string): unknown
}

export interface Sample {
  readonly id: string
  readonly needs?: readonly string[]
  readonly requires?: readonly string[]
  readonly config?: z.ZodType
  readonly routes?: readonly string[]
  readonly contracts?: (config: never) => readonly IndexedContract[]
  readonly models?: (config: never) => readonly string[]
  readonly customEvents?: (config: never) => readonly string[]
  readonly setup?: (ctx: LooseContext) => Running<unknown>
}

/** A description made of as little as a test cares about. */
export function sample(options: Sample): AnyPlugin {
  return {
    provides: apiToken(options.id),
    version: '1.0.0',
    summary: `Sample ${options.id}`,
    needs: (options.needs ?? []) as readonly CapabilityName[],
    requires: Object.fromEntries((options.requires ?? []).map((id) => [id, apiToken(id)])),
    config: options.config ?? z.strictObject({}),
    ...(options.routes === undefined ? {} : { routes: options.routes }),
    ...(options.contracts === undefined ? {} : { contracts: options.contracts }),
    ...(options.models === undefined ? {} : { models: options.models }),
    ...(options.customEvents === undefined ? {} : { customEvents: options.customEvents }),
    load: async () => ({ setup: options.setup ?? (() => ({ api: {} })) }),
  }
}

/** As the operator's configuration would load it; grants what it needs, unless the test says otherwise. */
export function loaded(
  options: Sample,
  operator: { grants?: readonly string[]; config?: unknown } = {},
): LoadedPlugin {
  return {
    plugin: sample(options),
    source: 'test',
    grants: (operator.grants ?? options.needs ?? []) as readonly CapabilityName[],
    config: operator.config ?? {},
  }
}

/** A host of these plugins in virtual time, with what it logs. */
export function hostOf(
  plugins: readonly LoadedPlugin[],
  options: Omit<HostOptions, 'plugins'> & { capabilities?: Parameters<typeof capabilityProviders>[0] } = {},
) {
  const { capabilities = {}, ...rest } = options
  const clock = virtualClock()
  const log = recordingLogger()
  const metrics = recordingMetrics()
  const host = pluginHost(
    { plugins, ...rest },
    { capabilities: capabilityProviders(capabilities), log, metrics, clock },
  )
  return { host, clock, log, metrics }
}
