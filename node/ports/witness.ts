import type { Address, ChainLog, Hex } from './chain.ts'

/** A block header as one provider tells it. */
export interface WitnessedHeader {
  readonly number: bigint
  readonly hash: Hex
  readonly parentHash: Hex
  /** Unix seconds. */
  readonly timestamp: number
  readonly receiptsRoot: Hex
  readonly logsBloom: Hex
  /** Every field of the answer that is hex, by its JSON-RPC name: what the hash is computed from. */
  readonly fields: Readonly<Record<string, Hex>>
}

/** A transaction receipt as one provider tells it, as far as the block's receipts root covers it. */
export interface WitnessedReceipt {
  /** Not covered by the receipts root; its place in the block is. */
  readonly transactionHash: Hex
  readonly transactionIndex: number
  /** `type`, `status` or `root`, `cumulativeGasUsed`, `logsBloom`, and what the chain adds: hex, by JSON-RPC name. */
  readonly fields: Readonly<Record<string, Hex>>
  readonly logs: readonly { readonly address: Address; readonly topics: readonly Hex[]; readonly data: Hex }[]
}

/** Logs of any of `addresses` whose first topic is any of `topics`, or any at all where that is empty: in blocks `from` to `to`, or in one block. */
export interface WitnessFilter {
  readonly addresses: readonly Address[]
  readonly topics: readonly Hex[]
  readonly at: { readonly from: bigint; readonly to: bigint } | { readonly hash: Hex }
}

/**
 * One provider of a chain, asked by itself: no failover stands between. Every call rejects with a `ChainError` when
 * the provider is away, limits requests, or gives no usable answer.
 */
export interface Witness {
  /** Its place in the configuration. */
  readonly provider: number
  /** Never the URL, which may hold a key. */
  readonly host: string
  /** Equal for providers that do not count as independent of each other. */
  readonly party: string
  head(): Promise<bigint>
  /** Null when it has no such block. */
  header(at: bigint | Hex): Promise<WitnessedHeader | null>
  /** Ascending by block and place; never anything that the filter excludes. */
  logs(filter: WitnessFilter): Promise<readonly ChainLog[]>
  /** `eth_call` at a block; raw return data. Rejects with `CHAIN_CALL_REVERTED` too. */
  call(request: { readonly to: Address; readonly data: Hex }, block: Hex): Promise<Hex>
  /** All receipts of a block, in order. */
  receipts(block: Hex): Promise<readonly WitnessedReceipt[]>
}

/** The independent views of each chain. */
export interface Witnesses {
  /** In the operator's order of preference. */
  of(chainId: number): readonly Witness[]
}

/** How one provider does, and what it is asked. */
export interface ProviderStatus {
  readonly provider: number
  readonly host: string
  /** `resting`: it failed and is left alone for a while. `limited`: it asked for fewer requests. */
  readonly state: 'well' | 'resting' | 'limited' | 'wrong-chain'
  readonly weight: number
  /** Since the node started. */
  readonly requests: number
  /** Over the last ten seconds. */
  readonly perSecond: number
  /** What the operator allows; null for no limit. */
  readonly limitPerSecond: number | null
}
