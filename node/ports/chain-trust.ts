import type { Hex } from './chain.ts'

/**
 * Why nothing may be signed on the strength of a chain's state.
 * - `disagreement`: independent providers, or they and the index, say different things of one block.
 * - `deep-reorg`: a block that counted as final is not in the chain any more.
 */
export type HaltCause = 'disagreement' | 'deep-reorg'

export interface ChainHalt {
  readonly chainId: number
  readonly cause: HaltCause
  /** What happened, and what the operator has to do. */
  readonly reason: string
  /** Unix milliseconds. */
  readonly since: number
}

/** One block of one chain. */
export interface BlockPlace {
  readonly chainId: number
  readonly number: bigint
  readonly hash: Hex
}

/**
 * Whether a chain's state may be signed for: how far the index and enough independent providers say the same, and
 * which chains stand still because they don't. Whatever a duty observes of the index, it observes at or below a block
 * that is agreed on.
 */
export interface ChainTrust {
  /** Newest block up to which everything is agreed on; null before the first, and while the chain is halted. */
  agreed(chainId: number): BlockPlace | null
  halts(): readonly ChainHalt[]
  /**
   * Resolves once everything up to and including this very block is agreed on. Rejects with `TrustError`
   * `TRUST_HALTED` at once while the chain is halted, `TRUST_NOT_AGREED` (retry) at `timeoutMs`, `TRUST_OTHER_BLOCK`
   * when another block is agreed on at that height.
   */
  waitFor(block: BlockPlace, timeoutMs: number): Promise<void>
}

/** How one chain is agreed on, to be shown. */
export interface TrustStatus {
  readonly chainId: number
  readonly name: string
  /** Independent providers that must say the same. */
  readonly required: number
  /** Also while the chain is halted. */
  readonly agreed: bigint | null
  /** Why it does not go on for the moment, and since when (Unix milliseconds); null while it does. */
  readonly waiting: { readonly reason: string; readonly since: number } | null
  readonly halts: readonly ChainHalt[]
  /** Providers that are proven wrong and count for nothing. */
  readonly setAside: readonly { readonly provider: number; readonly reason: string; readonly since: number }[]
}

/** Where the parts that notice something wrong say so. */
export interface ChainHalts {
  /** Halts a chain, or says the reason anew. */
  raise(halt: Omit<ChainHalt, 'since'>): void
  /** That cause is gone. */
  clear(chainId: number, cause: HaltCause): void
  list(): readonly ChainHalt[]
}
