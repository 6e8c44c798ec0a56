export type Hex = `0x${string}`
/** 20 bytes; checksummed (EIP-55) wherever it is shown. */
export type Address = Hex

export interface ChainInfo {
  /** EIP-155 chain id. */
  readonly id: number
  readonly name: string
  /** A duty acts on blocks that have at least this many blocks on top of them. */
  readonly confirmations: number
  /** Address of Multicall3, where the operator or a preset names it. */
  readonly multicall?: Address
}
/** When a chain calls a block final: at a tag of its own, or so many blocks below the head. */
export type FinalityRule = 'finalized' | 'safe' | { readonly depth: number }

export interface BlockRef {
  readonly number: bigint
  readonly hash: Hex
  readonly parentHash: Hex
  /** Unix seconds. */
  readonly timestamp: number
}

export interface ChainLog {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly transactionHash: Hex
  readonly logIndex: number
}

export interface ChainTransaction {
  readonly hash: Hex
  readonly from: Address
  readonly to: Address | null
  readonly input: Hex
  readonly blockNumber: bigint | null
}

export interface TxReceipt {
  readonly hash: Hex
  readonly status: 'success' | 'reverted'
  readonly blockNumber: bigint
  readonly gasUsed: bigint
  /** Wei per gas. */
  readonly effectiveGasPrice: bigint
}

/** A point of a chain: a height, a block hash, or the node's newest block. */
export type BlockTag = bigint | Hex | 'latest'

/**
 * Reads of the configured chains. Every method rejects with a `ChainError` (`CHAIN_UNKNOWN`, `CHAIN_UNAVAILABLE`
 * with `retry: true`, `CHAIN_CALL_REVERTED`). Arguments and results survive structured clone.
 */
export interface ChainReader {
  chains(): readonly ChainInfo[]
  head(chainId: number): Promise<BlockRef>
  /** The newest block that is final by the chain's rule; where it has no such tag, the head less its confirmations. */
  finalized(chainId: number): Promise<BlockRef>
  /** Null when the chain has no such block (any more). */
  block(chainId: number, at: BlockTag): Promise<BlockRef | null>
  /** `eth_call`: returns raw return data. */
  call(chainId: number, request: { to: Address; data: Hex; at?: BlockTag }): Promise<Hex>
  /** Inclusive range; `topics` as in `eth_getLogs`. */
  logs(
    chainId: number,
    filter: { address: Address; topics?: readonly (Hex | null)[]; fromBlock: bigint; toBlock: bigint },
  ): Promise<readonly ChainLog[]>
  transaction(chainId: number, hash: Hex): Promise<ChainTransaction | null>
  receipt(chainId: number, hash: Hex): Promise<TxReceipt | null>
  /** Wei. */
  balance(chainId: number, address: Address): Promise<bigint>
}

export interface TxRequest {
  readonly chainId: number
  readonly to: Address
  readonly data: Hex
  /** Wei; 0 when absent. */
  readonly value?: bigint
  /** Gas limit where the estimate, with its margin, is lower. */
  readonly leastGas?: bigint
  /**
   * Idempotency key: while this process runs a second `send` with a key in flight or mined joins the first.
   * A key whose transaction reverted may be sent again.
   */
  readonly key: string
}

/**
 * Sends transactions from the node's one transmitter account: local nonces, EIP-1559 fees, replacement of a stuck
 * transaction with higher fees, receipts awaited. Rejects with `ChainError` `CHAIN_TX_REVERTED`, `CHAIN_TX_TIMEOUT`
 * (retry), `CHAIN_INSUFFICIENT_FUNDS`.
 */
export interface TxSender {
  readonly address: Address
  send(request: TxRequest): Promise<TxReceipt>
}
