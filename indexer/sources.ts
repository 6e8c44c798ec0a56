import { isLoopback } from '../node/ports/loopback.ts'
import type { IndexerConfig } from './config.ts'

export type Kind = IndexerConfig['contracts'][number]['kind']

type Endpoint = IndexerConfig['chains'][number]['rpc'][number]

/**
 * Ponder's `rpc` of a chain. Ponder gives each entry a rate limit of its own, which begins at 20 requests/s, grows by 5%
 * while all goes well and shrinks when it is refused. That is politeness towards a public provider. A node on this machine
 * needs none, so its URL is listed several times over; another one is where the operator says that it may be asked more.
 */
export function rpcEntries(endpoints: readonly Endpoint[]): string[] {
  return endpoints.flatMap((endpoint) => {
    const url = urlOf(endpoint)
    const rate = typeof endpoint === 'string' ? null : endpoint.requestsPerSecond
    const entries = rate === null ? (onThisMachine(url) ? LOOPBACK_ENTRIES : 1) : rate / ENTRY_RATE
    return Array<string>(Math.round(entries)).fill(url)
  })
}

/** Requests a second of a new entry. */
const ENTRY_RATE = 20
/** 320 requests/s from the first second. */
const LOOPBACK_ENTRIES = 16

/** A chain on this machine: it may begin anew under the same id, so what was fetched of it must not be kept. */
export function onThisMachine(endpoint: Endpoint): boolean {
  return isLoopback(new URL(urlOf(endpoint)).hostname)
}

function urlOf(endpoint: Endpoint): string {
  return typeof endpoint === 'string' ? endpoint : endpoint.url
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
