import oracle from '../../plugins/oracle/index.ts'
import type { NodeConfig } from '../config/schema.ts'
import { loadPlugin } from '../kernel/load-plugin.ts'
import type { AnyPlugin } from '../kernel/plugin.ts'
import type { LoadedPlugin } from '../kernel/resolve.ts'

/** The plugins that come with the node. They get nothing that a third party's plugin would not get. */
export const builtinPlugins: ReadonlyMap<string, AnyPlugin> = new Map(
  [oracle].map((plugin) => [plugin.provides.id, plugin]),
)

/** Loads the description of every plugin that the configuration names. Rejects with `KernelError`. */
export function loadPlugins(config: Pick<NodeConfig, 'plugins'>, baseDir: string): Promise<LoadedPlugin[]> {
  return Promise.all(
    config.plugins.map(async (entry) => ({
      ...(await loadPlugin({ use: entry.use, baseDir }, { builtin: builtinPlugins })),
      grants: entry.grants,
      config: entry.config,
    })),
  )
}
