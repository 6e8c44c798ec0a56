import { type CapabilityName, capabilityCatalogue } from '../ports/capabilities.ts'
import type { PluginFault } from './errors.ts'
import { layers } from './order.ts'
import type { AnyPlugin } from './plugin.ts'
import { routeFaults } from './route-roots.ts'

/** A description with what the operator's configuration says about it. */
export interface LoadedPlugin {
  readonly plugin: AnyPlugin
  /** Where it came from, for operators: a package name, a path, `builtin`. */
  readonly source: string
  /** What the operator lets it do. */
  readonly grants: readonly CapabilityName[]
  /** Its section of the configuration, not parsed yet. */
  readonly config: unknown
}

const ID = /^[a-z][a-z0-9-]{0,39}$/

const catalogue: Readonly<Record<string, string>> = capabilityCatalogue
const isCapability = (name: string) => Object.hasOwn(catalogue, name)

/**
 * Checks that the plugins fit together and within their grants, and orders them: each level depends on earlier levels
 * only. Never throws; every fault is given, and the levels are complete only when there is none.
 */
export function resolvePlugins(
  plugins: readonly LoadedPlugin[],
  reservedRoutes: readonly string[],
): { readonly levels: readonly (readonly LoadedPlugin[])[]; readonly faults: readonly PluginFault[] } {
  const faults: PluginFault[] = []
  const unique = new Map<string, LoadedPlugin>()
  for (const loaded of plugins) {
    const id = loaded.plugin.provides.id
    const twin = unique.get(id)
    if (!ID.test(id)) {
      faults.push({
        code: 'KERNEL_BAD_ID',
        plugin: id,
        path: '',
        message: `id "${id}" is not valid: 1 to 40 lower-case letters, digits and dashes, a letter first`,
      })
    }
    if (twin === undefined) unique.set(id, loaded)
    else {
      faults.push({
        code: 'KERNEL_DUPLICATE_ID',
        plugin: id,
        path: '',
        message: `two plugins have this id, from ${twin.source} and from ${loaded.source}: remove one`,
      })
    }
  }
  const loadedPlugins = [...unique.values()]
  faults.push(...loadedPlugins.flatMap(grantFaults))
  faults.push(...loadedPlugins.flatMap((loaded) => dependencyFaults(loaded.plugin, unique)))
  faults.push(
    ...routeFaults(
      loadedPlugins.map((loaded) => loaded.plugin),
      reservedRoutes,
    ),
  )

  const graph = loadedPlugins.map(({ plugin }) => ({
    id: plugin.provides.id,
    requires: Object.values(plugin.requires)
      .map((token) => token.id)
      .filter((id) => unique.has(id)),
  }))
  const { levels, cycles } = layers(graph)
  for (const cycle of cycles) {
    faults.push({
      code: 'KERNEL_CYCLE',
      plugin: cycle[0] ?? '',
      path: '',
      message: `these plugins require each other in a circle: ${cycle.join(' -> ')}`,
    })
  }
  return {
    levels: levels.map((level) => level.map((id) => unique.get(id)).filter((loaded) => loaded !== undefined)),
    faults,
  }
}

function grantFaults({ plugin, grants }: LoadedPlugin): PluginFault[] {
  const faults: PluginFault[] = []
  const fault = (code: PluginFault['code'], message: string) => {
    faults.push({ code, plugin: plugin.provides.id, path: '', message })
  }
  const known = Object.keys(catalogue).join(', ')
  for (const name of plugin.needs) {
    if (!isCapability(name)) {
      fault('KERNEL_UNKNOWN_CAPABILITY', `needs "${name}", which this node does not have; it has: ${known}`)
    } else if (!grants.includes(name)) {
      fault(
        'KERNEL_MISSING_GRANT',
        `needs "${name}", which would let it ${catalogue[name]}: add "${name}" to its grants, or remove the plugin`,
      )
    }
  }
  for (const name of grants) {
    if (!isCapability(name)) {
      fault('KERNEL_UNKNOWN_CAPABILITY', `is granted "${name}", which does not exist; there are: ${known}`)
    }
  }
  return faults
}

function dependencyFaults(plugin: AnyPlugin, present: ReadonlyMap<string, LoadedPlugin>): PluginFault[] {
  return Object.values(plugin.requires)
    .filter((token) => !present.has(token.id))
    .map((token) => ({
      code: 'KERNEL_MISSING_DEPENDENCY',
      plugin: plugin.provides.id,
      path: '',
      message: `requires plugin "${token.id}", which is not configured: add it to plugins`,
    }))
}
