import type { PluginFault } from './errors.ts'
import { namesOf, placesOf } from './places.ts'
import type { IndexedContract } from './plugin.ts'
import type { LoadedPlugin } from './resolve.ts'

/** What the node has that a plugin may name; anything will do where it does not say. */
export interface NodeHas {
  /** Ids of its chains. */
  readonly chains?: readonly number[]
  /** Ids of its models. */
  readonly models?: readonly string[]
  /** Events of operators' contracts that the event log tells: `<contract>.<signature>`. */
  readonly customEvents?: readonly string[]
}

type MakeFault = (code: PluginFault['code'], path: string, message: string) => PluginFault

/** One fault for each of these contracts that is on another chain, however many entries name it. */
export function unknownChains(
  contracts: readonly IndexedContract[],
  own: unknown,
  { chains }: NodeHas,
  fault: MakeFault,
): readonly PluginFault[] {
  const elsewhere = contracts.filter(({ chainId }) => chains?.includes(chainId) === false)
  return elsewhere.map(({ kind, chainId, address }) => {
    const places = placesOf(own, (value) => {
      if (typeof value !== 'object' || value === null || !('address' in value)) return false
      return (
        Reflect.get(value, 'chainId') === chainId &&
        String(value.address).toLowerCase() === address.toLowerCase()
      )
    })
    return fault(
      'KERNEL_BAD_CONTRACTS',
      places[0]?.path ?? '',
      `follows the ${kind} ${address}${namesOf(places)} on chain ${chainId}, which this node does not have: add it to chains, or correct the plugin's config`,
    )
  })
}

/** One fault for each model that the node's manifest lacks. */
export function unknownModels(
  plugin: LoadedPlugin['plugin'],
  own: unknown,
  { models }: NodeHas,
  fault: MakeFault,
): readonly PluginFault[] {
  if (plugin.models === undefined || models === undefined) return []
  // As above: erased, and out of its own schema.
  const unknown = new Set(plugin.models(own as never).filter((model) => !models.includes(model)))
  return [...unknown].map((model) => {
    const places = placesOf(own, (value) => value === model)
    return fault(
      'KERNEL_UNKNOWN_MODEL',
      places[0]?.path ?? '',
      `counts on the model "${model}"${namesOf(places)}, which inference.manifest does not have; it has: ${models.join(', ')}`,
    )
  })
}

/** One fault for each event of an operator's contract that the event log will never tell. */
export function unknownEvents(
  plugin: LoadedPlugin['plugin'],
  own: unknown,
  { customEvents }: NodeHas,
  fault: MakeFault,
): readonly PluginFault[] {
  if (plugin.customEvents === undefined || customEvents === undefined) return []
  // As above: erased, and out of its own schema.
  const unknown = new Set(plugin.customEvents(own as never).filter((event) => !customEvents.includes(event)))
  return [...unknown].map((event) => {
    const places = placesOf(own, (value) => value === event.slice(0, event.indexOf('.')))
    return fault(
      'KERNEL_UNKNOWN_EVENT',
      places[0]?.path ?? '',
      `follows ${event}${namesOf(places)}, which the event log does not tell; it tells: ${customEvents.join(', ') || 'none'}. Add the contract with \`iyi index add\`, and give it eventLog: true`,
    )
  })
}
