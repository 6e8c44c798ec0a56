import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { descriptionFaults, isDescription } from './description.ts'
import { KernelError, type LoadCode } from './errors.ts'
import { packageEntry } from './package-entry.ts'
import { messageOf } from './parse-configs.ts'
import type { AnyPlugin } from './plugin.ts'

const INDEX_FILES = ['index.ts', 'index.js', 'index.mjs']

/**
 * Loads the description that a configuration's `use` names: a plugin that came with the node, by its id; a file or
 * folder, by a path that starts with `.` or `/` (relative to `baseDir`, the configuration's folder); or a package
 * installed beside the configuration or the node, by its name. Its logic is not loaded yet.
 *
 * Rejects with `KernelError`: `KERNEL_PLUGIN_NOT_FOUND`, `KERNEL_PLUGIN_IMPORT_FAILED`,
 * `KERNEL_PLUGIN_NO_DEFAULT_EXPORT`, `KERNEL_PLUGIN_BAD_DESCRIPTION`.
 */
export async function loadPlugin(
  options: { readonly use: string; readonly baseDir: string },
  modules: { readonly builtin: ReadonlyMap<string, AnyPlugin> } = { builtin: new Map() },
): Promise<{ readonly plugin: AnyPlugin; readonly source: string }> {
  const { use, baseDir } = options
  const fail = (code: LoadCode, problem: string, cause?: unknown) =>
    new KernelError(code, `plugin "${use}" ${problem}`, { data: { plugin: null, use }, cause })

  const builtin = modules.builtin.get(use)
  if (builtin !== undefined) return { plugin: builtin, source: 'builtin' }

  let file: string | null
  try {
    file = isPath(use) ? fileOf(use, baseDir) : packageFile(use, baseDir)
  } catch (cause) {
    throw fail('KERNEL_PLUGIN_IMPORT_FAILED', `can't be found out about: ${messageOf(cause)}`, cause)
  }
  if (file === null) {
    const known = [...modules.builtin.keys()].join(', ')
    throw fail(
      'KERNEL_PLUGIN_NOT_FOUND',
      isPath(use)
        ? `was not found at ${resolve(baseDir, use)}: expected a file, or a folder with ${INDEX_FILES.join(' or ')}`
        : `was not found: install the package beside your configuration, write a path that starts with "./"${known === '' ? '' : `, or use one that came with the node (${known})`}`,
    )
  }
  let module: object
  try {
    module = await import(pathToFileURL(file).href)
  } catch (cause) {
    throw fail(
      'KERNEL_PLUGIN_IMPORT_FAILED',
      `could not be imported from ${file}: ${messageOf(cause)}`,
      cause,
    )
  }
  if (!('default' in module) || module.default === undefined) {
    throw fail(
      'KERNEL_PLUGIN_NO_DEFAULT_EXPORT',
      `has no default export in ${file}: it must be "export default definePlugin({ ... })"`,
    )
  }
  const plugin: unknown = module.default
  if (!isDescription(plugin)) {
    throw fail(
      'KERNEL_PLUGIN_BAD_DESCRIPTION',
      `has a default export in ${file} that does not describe a plugin:\n${descriptionFaults(plugin)
        .map((line) => `  ${line}`)
        .join('\n')}`,
    )
  }
  return { plugin, source: isPath(use) ? file : use }
}

function isPath(use: string): boolean {
  return use.startsWith('.') || use.startsWith('file:') || isAbsolute(use)
}

function fileOf(use: string, baseDir: string): string | null {
  const path = use.startsWith('file:') ? fileURLToPath(use) : resolve(baseDir, use)
  if (!existsSync(path)) return null
  if (!statSync(path).isDirectory()) return path
  return INDEX_FILES.map((name) => join(path, name)).find((file) => existsSync(file)) ?? null
}

/** The package as seen from the configuration's folder, then as seen from the node. */
function packageFile(name: string, baseDir: string): string | null {
  for (const from of [pathToFileURL(join(baseDir, 'iyi.yaml')).href, import.meta.url]) {
    const entry = packageEntry(name, from)
    if (entry !== null) return entry
    try {
      return createRequire(from).resolve(name)
    } catch {
      // Not visible from there: try the next place.
    }
  }
  return null
}
