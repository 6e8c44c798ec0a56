import { factory } from 'ponder'
import type { IndexerConfig } from '../config.ts'

type Custom = IndexerConfig['custom'][number]

/** Ponder's name of an operator's contract. */
export const sourceName = (name: string): string => `custom_${name}`

/** Operators' own contracts, in Ponder's terms. Types end here: what they are is known at runtime alone. */
export function customSources(config: IndexerConfig): Record<string, never> {
  const entries = config.custom.map((custom) => [sourceName(custom.name), sourceOf(custom, config)])
  return Object.fromEntries(entries) as Record<string, never>
}

function sourceOf({ chainId, source, startBlock, events }: Custom, config: IndexerConfig) {
  const chain = config.chains.find(({ id }) => id === chainId)?.name ?? ''
  const address =
    'addresses' in source
      ? [...source.addresses].sort()
      : factory({
          address: source.factory.address,
          event: source.factory.event as never,
          parameter: source.factory.parameter as never,
          startBlock,
        })
  return { abi: events, chain: { [chain]: { address, startBlock } } }
}
