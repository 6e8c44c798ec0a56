import { z } from 'zod'
import type { PluginFault } from './errors.ts'
import type { IndexedContract } from './plugin.ts'
import type { LoadedPlugin } from './resolve.ts'
import { type NodeHas, unknownChains, unknownEvents, unknownModels } from './unknown-names.ts'

/** A plugin's configuration after its own schema, and the contracts it follows from it. */
export interface ParsedPlugin {
  readonly config: unknown
  readonly contracts: readonly IndexedContract[]
}

const contractSchema = z.strictObject({
  kind: z.enum(['pool', 'feed', 'vector', 'ocr2', 'registry', 'inference']),
  chainId: z.int().positive(),
  address: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 20 bytes in hex')
    .transform((address): `0x${string}` => `0x${address.slice(2)}`),
  startBlock: z.int().nonnegative(),
})

/** Parses the configuration of every plugin, by plugin id; gives every fault of every plugin at once. Never throws. */
export function parseConfigs(
  plugins: readonly LoadedPlugin[],
  has: NodeHas,
): {
  readonly parsed: ReadonlyMap<string, ParsedPlugin>
  readonly faults: readonly PluginFault[]
} {
  const parsed = new Map<string, ParsedPlugin>()
  const faults: PluginFault[] = []
  for (const loaded of plugins) {
    const result = parseOne(loaded, has)
    if ('faults' in result) faults.push(...result.faults)
    else parsed.set(loaded.plugin.provides.id, result)
  }
  return { parsed, faults }
}

function parseOne(
  { plugin, config }: LoadedPlugin,
  has: NodeHas,
): ParsedPlugin | { faults: readonly PluginFault[] } {
  const id = plugin.provides.id
  const fault = (code: PluginFault['code'], path: string, message: string): PluginFault => ({
    code,
    plugin: id,
    path,
    message,
  })
  let own: unknown
  try {
    // A plugin without a section gets the empty one, so that the defaults of its schema apply.
    const result = plugin.config.safeParse(config ?? {})
    if (!result.success) {
      return {
        faults: result.error.issues.map((issue) =>
          fault('KERNEL_BAD_CONFIG', issue.path.map(String).join('.'), issue.message),
        ),
      }
    }
    own = deepFreeze(result.data)
  } catch (cause) {
    return { faults: [fault('KERNEL_BAD_CONFIG', '', `its schema failed: ${messageOf(cause)}`)] }
  }
  const unknown = [...unknownModels(plugin, own, has, fault), ...unknownEvents(plugin, own, has, fault)]
  if (plugin.contracts === undefined)
    return unknown.length === 0 ? { config: own, contracts: [] } : { faults: unknown }
  try {
    // The erased description takes `never`; what it is given here came out of its own schema just now.
    const result = z.array(contractSchema).safeParse(plugin.contracts(own as never))
    if (result.success) {
      const faults = [...unknownChains(mergeContracts([result.data]), own, has, fault), ...unknown]
      return faults.length === 0 ? { config: own, contracts: result.data } : { faults }
    }
    return {
      faults: result.error.issues.map((issue) =>
        fault(
          'KERNEL_BAD_CONTRACTS',
          '',
          `its contract list is wrong at ${issue.path.map(String).join('.')}: ${issue.message}`,
        ),
      ),
    }
  } catch (cause) {
    return { faults: [fault('KERNEL_BAD_CONTRACTS', '', `its contract list failed: ${messageOf(cause)}`)] }
  }
}

/**
 * What the indexer must follow: each contract once, from the lowest block that somebody asked for. The same address
 * under two kinds stays twice, since each kind has handlers of its own.
 */
export function mergeContracts(lists: readonly (readonly IndexedContract[])[]): readonly IndexedContract[] {
  const merged = new Map<string, IndexedContract>()
  for (const contract of lists.flat()) {
    const key = `${contract.kind} ${contract.chainId} ${contract.address.toLowerCase()}`
    const known = merged.get(key)
    if (known === undefined || contract.startBlock < known.startBlock) merged.set(key, contract)
  }
  return [...merged.values()]
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Freezes plain objects and arrays, all the way down; anything else (a Map, a URL) is left as the schema made it. */
function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const entry of Object.values(value)) deepFreeze(entry)
  return value
}
