import type { Address } from '../../ports/chain.ts'
import type { CustomContract } from '../../ports/custom-tables.ts'

/** What the indexer reads as JSON; `indexer/config.ts` checks it. */
export interface IndexerConfig {
  readonly chains: readonly {
    readonly id: number
    readonly name: string
    /** URLs, or with the requests a second to begin with. */
    readonly rpc: readonly (string | { readonly url: string; readonly requestsPerSecond: number })[]
    readonly pollingIntervalMs?: number | undefined
  }[]
  readonly contracts: readonly {
    readonly kind: 'pool' | 'feed' | 'vector' | 'ocr2' | 'registry' | 'inference'
    readonly chainId: number
    readonly address: Address
    readonly startBlock: number
  }[]
  /** Operators' own contracts; none when absent. */
  readonly custom?: readonly CustomContract[]
}
