import { existsSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'

/** Conditions that hold when this node imports a package, strongest first. */
const CONDITIONS = ['node', 'import', 'default']

/**
 * The file that `import name` would load from the module at URL `from`: the main entry of a package with `exports`
 * (conditions in their written order, as Node's resolver takes them). Null where there is no such package or entry;
 * packages without `exports` are left to the older resolution, which `require.resolve` does.
 */
export function packageEntry(name: string, from: string): string | null {
  let manifestPath: string | undefined
  try {
    manifestPath = findPackageJSON(name, from)
  } catch {
    return null
  }
  if (manifestPath === undefined) return null
  const manifest: unknown = JSON.parse(readFileSync(manifestPath, 'utf8'))
  if (typeof manifest !== 'object' || manifest === null || !('exports' in manifest)) return null
  const target = pick(manifest.exports)
  if (target === null) return null
  const file = join(dirname(manifestPath), target)
  return existsSync(file) ? file : null
}

function pick(target: unknown): string | null {
  if (typeof target === 'string') return target
  if (typeof target !== 'object' || target === null) return null
  if ('.' in target) return pick(target['.'])
  for (const [condition, next] of Object.entries(target)) {
    if (!CONDITIONS.includes(condition)) continue
    const found = pick(next)
    if (found !== null) return found
  }
  return null
}
