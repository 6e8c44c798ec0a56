import type { Address } from '../../ports/chain.ts'
import type { CustomContract } from '../../ports/custom-tables.ts'

/** What the indexer reads as JSON; `indexer/config.ts` checks it. */
export interface IndexerConfig {
  readonly chains: readonly {
    readonly id: number
    readonly name: string
    readonly rpc: readonly string[]
    readonly pollingIntervalMs?: number | undefined
  }[]
  readonly contracts: readonly {
    readonly kind: 'pool' | 'feed' | 'ocr2' | 'registry'
    readonly chainId: number
    readonly address: Address
    readonly startBlock: number
  }[]
  /** Operators' own contracts; none when absent. */
  readonly custom?: readonly CustomContract[]
}
