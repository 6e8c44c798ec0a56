import type { Address, ChainLog, Hex } from './chain.ts'

/** Logs of many contracts at once. Rejects with `ChainError`. */
export interface RawLogs {
  /** Of any of these contracts whose first topic is any of these, in an inclusive range of blocks. */
  logs(
    chainId: number,
    filter: {
      readonly addresses: readonly Address[]
      readonly topics: readonly Hex[]
      readonly fromBlock: bigint
      readonly toBlock: bigint
    },
  ): Promise<readonly ChainLog[]>
}
