import { IyiError } from '../../ports/errors.ts'

export type ChainErrorCode =
  | 'CHAIN_UNKNOWN'
  | 'CHAIN_UNAVAILABLE'
  | 'CHAIN_WRONG_ID'
  | 'CHAIN_RPC_ERROR'
  | 'CHAIN_CALL_REVERTED'
  | 'CHAIN_TX_REVERTED'
  | 'CHAIN_TX_TIMEOUT'
  | 'CHAIN_INSUFFICIENT_FUNDS'
  | 'CHAIN_FEE_CAP'
  | 'CHAIN_BAD_KEY'
  | 'CHAIN_STOPPED'

/** Facts of a chain failure; absent fields do not apply. Never an RPC URL: it may hold an API key. */
export interface ChainErrorData {
  readonly chainId?: number
  readonly method?: string
  /** The provider's own words, scrubbed. */
  readonly reason?: string
  readonly rpcCode?: number
  /** Raw revert data. */
  readonly data?: `0x${string}`
  /** Transaction hash. */
  readonly hash?: `0x${string}`
  readonly key?: string
}

/** Failure of a chain, its providers or a transaction. */
export class ChainError extends IyiError<ChainErrorCode, ChainErrorData> {}

/** The error of a chain that is not configured. */
export function unknownChain(chainId: number): ChainError {
  return new ChainError('CHAIN_UNKNOWN', `Configure chain ${chainId} before it is used`, {
    data: { chainId },
  })
}
