import type { PluginFault } from './errors.ts'
import type { AnyPlugin } from './plugin.ts'

const ROOT = /^\/v1(?:\/[a-z0-9][a-z0-9-]*)+$/

/** Path roots that a plugin serves: what it declares, else `/v1/<id>`; none when it does not serve HTTP. */
export function routeRoots(plugin: AnyPlugin): readonly string[] {
  if (!plugin.needs.includes('http.routes')) return []
  return plugin.routes ?? [`/v1/${plugin.provides.id}`]
}

/** True when one root is the other, or lies under it. */
function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)
}

/** Roots outside `/v1/`, roots that the node serves itself, and roots that two plugins claim. */
export function routeFaults(plugins: readonly AnyPlugin[], reserved: readonly string[]): PluginFault[] {
  const faults: PluginFault[] = []
  const taken: { root: string; owner: string }[] = []
  for (const plugin of plugins) {
    const id = plugin.provides.id
    const fault = (code: PluginFault['code'], message: string) => {
      faults.push({ code, plugin: id, path: '', message })
    }
    if (plugin.routes !== undefined && !plugin.needs.includes('http.routes')) {
      fault(
        'KERNEL_BAD_ROUTE',
        'declares routes but does not need "http.routes": its author must add it to needs',
      )
    }
    for (const root of routeRoots(plugin)) {
      if (!ROOT.test(root)) {
        fault(
          'KERNEL_BAD_ROUTE',
          `route root "${root}" is not of the form /v1/<name>: lower-case letters, digits and dashes, no slash at the end`,
        )
        continue
      }
      const own = reserved.find((other) => overlap(root, other))
      if (own !== undefined)
        fault('KERNEL_ROUTE_CONFLICT', `route root "${root}" belongs to the node ("${own}")`)
      const other = taken.find((claim) => overlap(root, claim.root))
      if (other !== undefined) {
        fault(
          'KERNEL_ROUTE_CONFLICT',
          `route root "${root}" overlaps "${other.root}" of plugin "${other.owner}": run only one of the two`,
        )
      }
      taken.push({ root, owner: id })
    }
  }
  return faults
}
