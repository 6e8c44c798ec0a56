import { isLoopback } from '../node/ports/loopback.ts'
import type { IndexerConfig } from './config.ts'

export type Kind = IndexerConfig['contracts'][number]['kind']

/**
 * Ponder's `rpc` of a chain. Ponder gives each entry its own rate limit, which begins at 20 requests/s and grows by 5%
 * at a time. That is politeness towards a public provider; a node on this machine needs none, so a loopback URL is
 * listed several times over. Entries that are not loopback are never repeated.
 */
export function rpcEntries(urls: readonly string[]): string[] {
  return urls.flatMap((url) => (onThisMachine(url) ? Array<string>(LOOPBACK_ENTRIES).fill(url) : [url]))
}

/** 16 entries: 320 requests/s from the first second. */
const LOOPBACK_ENTRIES = 16

/** A chain on this machine: it may begin anew under the same id, so what was fetched of it must not be kept. */
export function onThisMachine(url: string): boolean {
  return isLoopback(new URL(url).hostname)
}

interface Source {
  address: `0x${string}`[]
  startBlock: number
}

/**
 * Where a kind of contract lives, by chain name. Empty when there is none: Ponder then accepts the kind's handlers and
 * never calls them. Ponder knows one start per chain and kind, so the earliest counts for all of them. Sorted, so the
 * order of the configuration does not change Ponder's build id.
 */
export function sourcesOf(config: IndexerConfig, kind: Kind): Record<string, Source> {
  const sources: Record<string, Source> = {}
  for (const { id, name } of config.chains) {
    const here = config.contracts.filter((contract) => contract.kind === kind && contract.chainId === id)
    if (here.length === 0) continue
    sources[name] = {
      address: here.map(({ address }) => address).sort(),
      startBlock: Math.min(...here.map(({ startBlock }) => startBlock)),
    }
  }
  return sources
}
