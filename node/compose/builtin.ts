import features from '../../plugins/features/index.ts'
import oracle from '../../plugins/oracle/index.ts'
import type { NodeConfig } from '../config/schema.ts'
import { KernelError } from '../kernel/errors.ts'
import { loadPlugin } from '../kernel/load-plugin.ts'
import type { AnyPlugin } from '../kernel/plugin.ts'
import type { LoadedPlugin } from '../kernel/resolve.ts'

/** The plugins that come with the node. They get nothing that a third party's plugin would not get. */
export const builtinPlugins: ReadonlyMap<string, AnyPlugin> = new Map(
  [oracle, features].map((plugin) => [plugin.provides.id, plugin]),
)

/**
 * Loads the description of every plugin that the configuration names. Rejects with `KernelError`: what one plugin can't
 * be loaded for, or `KERNEL_PLUGINS_NOT_LOADED` with the faults of several at once.
 */
export async function loadPlugins(
  config: Pick<NodeConfig, 'plugins'>,
  baseDir: string,
): Promise<LoadedPlugin[]> {
  const results = await Promise.allSettled(
    config.plugins.map(async (entry) => ({
      ...(await loadPlugin({ use: entry.use, baseDir }, { builtin: builtinPlugins })),
      grants: entry.grants,
      config: entry.config,
    })),
  )
  const failures: unknown[] = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason] : [],
  )
  const [first] = failures
  if (failures.length === 1 || failures.some((failure) => !(failure instanceof KernelError))) throw first
  if (failures.length > 1) throw allAtOnce(failures.filter((failure) => failure instanceof KernelError))
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

function allAtOnce(failures: readonly KernelError[]): KernelError {
  return new KernelError(
    'KERNEL_PLUGINS_NOT_LOADED',
    `${failures.length} plugins can't be loaded:\n${failures.map(({ message }) => `  ${message}`).join('\n')}`,
    {
      data: {
        plugin: null,
        faults: failures.map(({ code, message, data }) => ({ code, use: data.use, message })),
      },
      cause: new AggregateError(failures),
    },
  )
}
