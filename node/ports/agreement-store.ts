import type { Hex } from './chain.ts'
import type { ChainEvidence, EvidenceSummary } from './chain-evidence.ts'

/** A block up to which everything was agreed on. */
export interface AgreedPlace {
  readonly number: bigint
  readonly hash: Hex
}

/** What the node remembers of how far its chains are agreed on, and of who contradicted whom. */
export interface AgreementStore {
  /** Newest first; empty when nothing is known, or when it was about another `scope`. */
  load(chainId: number, scope: Hex): Promise<readonly AgreedPlace[]>
  /** `scope`: digest of what was compared. Replaces what was known. */
  save(chainId: number, scope: Hex, trail: readonly AgreedPlace[]): Promise<void>
  /** Once for one id; the oldest of a chain give way. */
  record(evidence: ChainEvidence): Promise<void>
  /** Newest first. `before` is the cursor of the page before. */
  evidence(filter: {
    readonly chainId: number
    readonly limit: number
    readonly before?: string
  }): Promise<{ readonly records: readonly EvidenceSummary[]; readonly cursor: string | null }>
  oneEvidence(chainId: number, id: Hex): Promise<ChainEvidence | null>
}
