import { IyiError } from '../ports/errors.ts'

/** Why one plugin can't be part of this node. */
export type FaultCode =
  | 'KERNEL_BAD_ID'
  | 'KERNEL_DUPLICATE_ID'
  | 'KERNEL_MISSING_DEPENDENCY'
  | 'KERNEL_CYCLE'
  | 'KERNEL_UNKNOWN_CAPABILITY'
  | 'KERNEL_MISSING_GRANT'
  | 'KERNEL_BAD_ROUTE'
  | 'KERNEL_ROUTE_CONFLICT'
  | 'KERNEL_BAD_CONFIG'
  | 'KERNEL_BAD_CONTRACTS'
  | 'KERNEL_UNKNOWN_MODEL'
  | 'KERNEL_UNKNOWN_EVENT'

export interface PluginFault {
  readonly code: FaultCode
  /** Id of the plugin, as its description has it. */
  readonly plugin: string
  /** Where in its configuration, e.g. `feeds.0.address`; empty when the fault is elsewhere. */
  readonly path: string
  readonly message: string
}

/** What a description could not be loaded for. */
export type LoadCode =
  | 'KERNEL_PLUGIN_NOT_FOUND'
  | 'KERNEL_PLUGIN_IMPORT_FAILED'
  | 'KERNEL_PLUGIN_NO_DEFAULT_EXPORT'
  | 'KERNEL_PLUGIN_BAD_DESCRIPTION'
  /** Several at once; `data.faults` has the code of each. */
  | 'KERNEL_PLUGINS_NOT_LOADED'

/** What went wrong with a plugin at work. */
export type LifeCode =
  | 'KERNEL_SETUP_FAILED'
  | 'KERNEL_START_FAILED'
  | 'KERNEL_STOP_FAILED'
  | 'KERNEL_DEADLINE'
  | 'KERNEL_WRONG_PHASE'
  | 'KERNEL_STOPPING'
  | 'KERNEL_UNDECLARED_CAPABILITY'
  | 'KERNEL_UNDECLARED_DEPENDENCY'
  | 'KERNEL_REVOKED'

export interface KernelErrorData {
  /** Null when the failure belongs to no single plugin. */
  readonly plugin: string | null
  readonly [fact: string]: unknown
}

/** A failure of the plugin host, or of a plugin seen from the host. */
export class KernelError extends IyiError<LoadCode | LifeCode, KernelErrorData> {}

/** The plugins do not fit this node: every fault at once. */
export class PluginsRefusedError extends IyiError<
  'KERNEL_PLUGINS_REFUSED',
  { readonly faults: readonly PluginFault[] }
> {
  constructor(faults: readonly PluginFault[]) {
    const lines = faults.map(
      (fault) => `  ${fault.plugin}${fault.path === '' ? '' : ` at ${fault.path}`}: ${fault.message}`,
    )
    super(
      'KERNEL_PLUGINS_REFUSED',
      `${faults.length === 1 ? 'a fault' : `${faults.length} faults`} in the plugins of this node:\n${lines.join('\n')}`,
      { data: { faults } },
    )
  }
}
