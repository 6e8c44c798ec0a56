import type { Address } from '../ports/chain.ts'

/**
 * What a chain says of itself. Ids and names: github.com/ethereum-lists/chains. `multicall` is Multicall3, at one
 * address on all of them (mds1/multicall3). `confirmations` are a choice of ours, on the careful side of what the chain
 * promises.
 */
export interface ChainPreset {
  readonly id: number
  readonly confirmations: number
  readonly finality: 'finalized' | 'safe'
  readonly blockTimeMs: number
  readonly multicall: Address
}

const MULTICALL3: Address = '0xcA11bde05977b3631167028862bE2a173976CA11'

export const chainPresets = {
  // Slots of 12 s; `finalized` is two epochs behind (ethereum.org, "Proof-of-stake: finality"; EIP-3675).
  ethereum: {
    id: 1,
    confirmations: 12,
    finality: 'finalized',
    blockTimeMs: 12_000,
    multicall: MULTICALL3,
  },
  // 0.45 s since Fermi (BEP-619); fast finality two blocks behind where votes arrive (BEP-126).
  bnb: {
    id: 56,
    confirmations: 15,
    finality: 'finalized',
    blockTimeMs: 450,
    multicall: MULTICALL3,
  },
  // 2 s; milestones of Heimdall set the tag (PIP-11).
  polygon: {
    id: 137,
    confirmations: 32,
    finality: 'finalized',
    blockTimeMs: 2_000,
    multicall: MULTICALL3,
  },
  // 0.25 s by one sequencer; the tag follows Ethereum's finality of the batch (docs.arbitrum.io, "Finality").
  arbitrum: {
    id: 42_161,
    confirmations: 20,
    finality: 'finalized',
    blockTimeMs: 250,
    multicall: MULTICALL3,
  },
  // 2 s by one sequencer; `safe` once the batch is on Ethereum, `finalized` once that block is (specs.optimism.io).
  optimism: {
    id: 10,
    confirmations: 10,
    finality: 'finalized',
    blockTimeMs: 2_000,
    multicall: MULTICALL3,
  },
  // As Optimism (docs.base.org, "Transaction finality").
  base: {
    id: 8_453,
    confirmations: 10,
    finality: 'finalized',
    blockTimeMs: 2_000,
    multicall: MULTICALL3,
  },
  // About 2 s; an accepted block is final, and the tag is the last accepted one (build.avax.network, Snowman).
  avalanche: {
    id: 43_114,
    confirmations: 1,
    finality: 'finalized',
    blockTimeMs: 2_000,
    multicall: MULTICALL3,
  },
} as const satisfies Readonly<Record<string, ChainPreset>>

export type PresetName = keyof typeof chainPresets
export const presetNames = Object.keys(chainPresets) as [PresetName, ...PresetName[]]

/** About half the block time, within what does not tire a provider. */
export function pollingOf({ blockTimeMs }: ChainPreset): number {
  return Math.min(4_000, Math.max(500, blockTimeMs / 2))
}
