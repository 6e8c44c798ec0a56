import type { Address, Hex } from './chain.ts'

/** A log of a watched contract and event that its ABI does not decode: no table has a row of it. */
export interface UndecodedLog {
  readonly contract: string
  readonly chainId: number
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly logIndex: number
  readonly transactionHash: Hex
  readonly address: Address
  readonly event: string
  readonly topics: readonly Hex[]
  /** Its first 8,192 bytes. */
  readonly data: Hex
  /** How long it is. */
  readonly dataBytes: number
  /** What does not fit. */
  readonly error: string
}

/** Up to where the logs of a contract were looked through, and what was found. */
export interface DecodingPlace {
  readonly number: bigint
  readonly hash: Hex
  /** Logs up to here that could not be decoded, those too that were not kept. */
  readonly total: bigint
}

export interface DecodingProgress {
  /** Null before the first block. */
  readonly place: DecodingPlace | null
  /** The newest place that is final: where to go back to when the chain has left a block. */
  readonly final: DecodingPlace | null
}

/** A contract that a factory made, from which block on. */
export interface FactoryChild {
  readonly address: Address
  readonly blockNumber: bigint
}

/** How many logs are kept of one contract, the oldest; of the others the number is. */
export const MOST_UNDECODED = 1_000
/** How many contracts of one factory are looked at, the oldest. */
export const MOST_CHILDREN = 10_000

export interface DecodingStatus extends DecodingProgress {
  readonly contract: string
  readonly chainId: number
}

/** What anybody may read of it. Rejects with `DatabaseError`. */
export interface UndecodedLogs {
  status(): Promise<readonly DecodingStatus[]>
  /** Oldest first. */
  logs(query: {
    readonly contract: string
    readonly after: { readonly blockNumber: bigint; readonly logIndex: number } | null
    readonly limit: number
  }): Promise<readonly UndecodedLog[]>
}

/** What the node remembers of it: every call is one transaction. Rejects with `DatabaseError`. */
export interface UndecodedStore extends UndecodedLogs {
  /** Forgets every contract but these, and those whose `scope` (digest of ABI and addresses) is another one now. */
  open(
    contracts: readonly { readonly contract: string; readonly chainId: number; readonly scope: Hex }[],
  ): Promise<readonly (DecodingStatus & { readonly children: readonly FactoryChild[] })[]>
  /** Adds what was found up to a place. */
  advance(
    contract: string,
    progress: DecodingProgress,
    found: { readonly logs: readonly UndecodedLog[]; readonly children: readonly FactoryChild[] },
  ): Promise<void>
  /** Drops what was found above a place; everything where it is null. */
  rewind(contract: string, to: DecodingPlace | null): Promise<void>
}
