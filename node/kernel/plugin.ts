import type { ZodType } from 'zod'
import type { Capabilities, CapabilityName } from '../ports/capabilities.ts'
import type { Address } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'

declare const apiType: unique symbol

/** Names a plugin and carries the type of what it offers to others. Its id is the plugin's id. */
export interface ApiToken<T> {
  readonly id: string
  /** Exists in the type only. */
  readonly [apiType]?: T
}

/** Makes the token of plugin `id` (lower-case letters, digits, dashes). A plugin's `api.ts` exports it. */
export function apiToken<T>(id: string): ApiToken<T> {
  return { id }
}

/** Other plugins' tokens, by the name under which `ctx.use` gives their API. */
export type Requirements = Readonly<Record<string, ApiToken<unknown>>>
export type ApiOf<Token> = Token extends ApiToken<infer T> ? T : never

/** A contract that the indexer must follow for a plugin. `kind` selects the indexer's handlers. */
export interface IndexedContract {
  readonly kind: 'pool' | 'feed' | 'vector' | 'ocr2' | 'registry' | 'inference'
  readonly chainId: number
  readonly address: Address
  /** First block to index. */
  readonly startBlock: number
}

/**
 * All that a plugin's code may touch. `use` and `can` reject at compile time what was not declared, and at runtime too
 * (`KERNEL_UNDECLARED_CAPABILITY`, `KERNEL_UNDECLARED_DEPENDENCY`). The variance is spelled out because a compiler does not see it in the bounds of
 * type parameters: a context may stand in for one that gives less, never for one that gives more.
 */
export interface Context<in N extends CapabilityName, out D extends Requirements, out C> {
  readonly id: string
  readonly config: C
  /** A granted capability. */
  readonly can: <K extends N>(capability: K) => Capabilities[K]
  /** The API of a required plugin. */
  readonly use: <K extends keyof D & string>(name: K) => ApiOf<D[K]>
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /** Aborts when the node begins to stop. */
  readonly signal: AbortSignal
}

/** A plugin at work. `setup` builds it without I/O; `start` opens, `stop` must end by the deadline. */
export interface Running<T> {
  readonly api: T
  start?(): Promise<void>
  stop?(deadline: AbortSignal): Promise<void>
  health?(): Health
}

export interface PluginModule<T, N extends CapabilityName, D extends Requirements, C> {
  readonly setup: (ctx: Context<N, D, C>) => Running<T>
}

/** What a plugin's `index.ts` exports as default: a description that imports no logic. Make it with `definePlugin`. */
export interface Plugin<T, N extends CapabilityName, D extends Requirements, C> {
  readonly provides: ApiToken<T>
  readonly version: string
  /** One line for operators. */
  readonly summary: string
  /** Capabilities it can't live without; the operator grants each by name. */
  readonly needs: readonly N[]
  readonly requires: D
  /** The one source of its configuration: types, validation, reference docs. */
  readonly config: ZodType<C>
  /** Path roots it serves; `/v1/<id>` when absent. */
  readonly routes?: readonly string[]
  /** What must be indexed for it, from its own configuration. */
  readonly contracts?: (config: C) => readonly IndexedContract[]
  /** Ids of the models that it will run, from its own configuration. */
  readonly models?: (config: C) => readonly string[]
  /** Events of operators' contracts that it follows, from its own configuration: `<contract>.<signature>`. */
  readonly customEvents?: (config: C) => readonly string[]
  /** Infers nothing: `needs`, `requires`, `config` and `provides` alone say what `setup` is given and gives. */
  readonly load: () => Promise<PluginModule<NoInfer<T>, NoInfer<N>, NoInfer<D>, NoInfer<C>>>
}

/**
 * A plugin whose types were erased, as the host holds it: every `Plugin` fits. What the host hands back to the plugin
 * (its config, its context) has the type `never` here, so nobody but the host's one documented cast can call it.
 */
export interface AnyPlugin {
  readonly provides: ApiToken<unknown>
  readonly version: string
  readonly summary: string
  readonly needs: readonly CapabilityName[]
  readonly requires: Requirements
  readonly config: ZodType
  readonly routes?: readonly string[]
  readonly contracts?: (config: never) => readonly IndexedContract[]
  readonly models?: (config: never) => readonly string[]
  readonly customEvents?: (config: never) => readonly string[]
  readonly load: () => Promise<{ readonly setup: (ctx: never) => Running<unknown> }>
}

/** Identity that infers a description's types, so `setup` sees exactly what was declared. */
export function definePlugin<T, const N extends CapabilityName, const D extends Requirements, C>(
  plugin: Plugin<T, N, D, C>,
): Plugin<T, N, D, C> {
  return plugin
}
