import type { Hex } from './chain.ts'
import type { Json } from './json.ts'

/**
 * The indexed tables as plugins see them: the one description that the reader checks names against, that row types
 * come from, and that the indexer's own schema is tested to equal. Column names are camelCase here and snake_case in
 * PostgreSQL.
 *
 * Kinds: `int` a JS number, `bigint` an exact integer (uint256), `text`, `hex` a 0x string (lower case), `bool`,
 * `json`.
 */
export const indexTables = {
  /** Every decoded event that a plugin asked to index, or an operator with `eventLog: true`; append-only, one row an event. `data`: args, amounts as decimal strings. */
  event: {
    id: 'text',
    chainId: 'int',
    blockNumber: 'bigint',
    blockHash: 'hex',
    logIndex: 'int',
    transactionHash: 'hex',
    timestamp: 'bigint',
    address: 'hex',
    name: 'text',
    data: 'json',
  },
  /** One row a constant-product pool. */
  pool: {
    chainId: 'int',
    address: 'hex',
    token0: 'hex',
    token1: 'hex',
    swapCount: 'int',
    reserve0: 'bigint',
    reserve1: 'bigint',
    updatedBlock: 'bigint',
  },
  /** Append-only: reserves after each `Sync`. */
  poolSync: {
    id: 'text',
    chainId: 'int',
    pool: 'hex',
    blockNumber: 'bigint',
    logIndex: 'int',
    timestamp: 'bigint',
    reserve0: 'bigint',
    reserve1: 'bigint',
  },
  /** Append-only: each `Swap`. */
  poolSwap: {
    id: 'text',
    chainId: 'int',
    pool: 'hex',
    blockNumber: 'bigint',
    logIndex: 'int',
    transactionHash: 'hex',
    timestamp: 'bigint',
    sender: 'hex',
    recipient: 'hex',
    amount0In: 'bigint',
    amount1In: 'bigint',
    amount0Out: 'bigint',
    amount1Out: 'bigint',
  },
  /**
   * Price bars of 10 s per pool. `start`: Unix seconds, multiple of 10. Prices are token1 per token0 in base units,
   * fixed point with 18 decimals: floor(reserve1 * 10^18 / reserve0) after the event. A bar without a trade has no row.
   */
  poolBar: {
    id: 'text',
    chainId: 'int',
    pool: 'hex',
    start: 'bigint',
    open: 'bigint',
    high: 'bigint',
    low: 'bigint',
    close: 'bigint',
    volume0: 'bigint',
    volume1: 'bigint',
    swapCount: 'int',
    lastBlock: 'bigint',
  },
  /**
   * Accepted rounds of oracle feeds. `accepted` false: the answer was outside [min, max] and made no round (roundId 0).
   * A round of an OCR2 aggregator (kind `ocr2`) has no model; its evidence digest is the third context word, or zero when
   * it was not transmitted directly.
   */
  feedRound: {
    id: 'text',
    chainId: 'int',
    feed: 'hex',
    roundId: 'bigint',
    answer: 'bigint',
    accepted: 'bool',
    observationsTimestamp: 'bigint',
    epochAndRound: 'bigint',
    configDigest: 'hex',
    evidenceDigest: 'hex',
    modelDigest: 'hex',
    transmitter: 'hex',
    transactionHash: 'hex',
    blockNumber: 'bigint',
    blockHash: 'hex',
    logIndex: 'int',
    timestamp: 'bigint',
  },
  /**
   * Rounds of vector feeds, as `feedRound` has those of one number. `answers`: JSON array of decimal strings, in the order
   * of the contract's labels. `spread`: greatest difference of any element between two validators that agree.
   */
  feedVectorRound: {
    id: 'text',
    chainId: 'int',
    feed: 'hex',
    roundId: 'bigint',
    answers: 'json',
    accepted: 'bool',
    observationsTimestamp: 'bigint',
    epochAndRound: 'bigint',
    configDigest: 'hex',
    evidenceDigest: 'hex',
    modelDigest: 'hex',
    agreeing: 'int',
    observers: 'int',
    spread: 'bigint',
    transmitter: 'hex',
    transactionHash: 'hex',
    blockNumber: 'bigint',
    blockHash: 'hex',
    logIndex: 'int',
    timestamp: 'bigint',
  },
  /** One row a registered model. */
  model: {
    id: 'text',
    chainId: 'int',
    registry: 'hex',
    modelId: 'bigint',
    owner: 'hex',
    name: 'text',
    createdBlock: 'bigint',
  },
  /** One row a version of a model. */
  modelVersion: {
    id: 'text',
    chainId: 'int',
    registry: 'hex',
    modelId: 'bigint',
    version: 'int',
    manifestDigest: 'hex',
    uri: 'text',
    active: 'bool',
    createdBlock: 'bigint',
    timestamp: 'bigint',
  },
  /**
   * One row a request to an inference oracle. `status`: pending, answered, disputed, final, upheld, overturned,
   * unresolved, refunded, as the contract has it, but that `final` needs somebody to call `finalize`. `endedBlock`: the
   * block of its answer or refund, 0 while it is pending. `delivered`: the requester was called.
   */
  inferenceRequest: {
    id: 'text',
    chainId: 'int',
    oracle: 'hex',
    requestId: 'bigint',
    modelDigest: 'hex',
    modelId: 'bigint',
    version: 'int',
    requester: 'hex',
    inputHash: 'hex',
    inputLength: 'int',
    input: 'hex',
    callbackGasLimit: 'int',
    minAgreeing: 'int',
    finalOnly: 'bool',
    delivered: 'bool',
    deadline: 'bigint',
    price: 'bigint',
    maxFee: 'bigint',
    status: 'text',
    endedBlock: 'bigint',
    transactionHash: 'hex',
    blockNumber: 'bigint',
    logIndex: 'int',
    timestamp: 'bigint',
  },
  /**
   * One row an answered request, as it was answered: a verdict that replaced it is in `inferenceDispute`. `callback`: none,
   * succeeded, failed. `gasFee` 0 until the same transaction told it.
   */
  inferenceAnswer: {
    id: 'text',
    chainId: 'int',
    oracle: 'hex',
    requestId: 'bigint',
    modelDigest: 'hex',
    outcome: 'int',
    agreeing: 'int',
    observers: 'int',
    spread: 'bigint',
    values: 'json',
    evidenceDigest: 'hex',
    observationsTimestamp: 'bigint',
    finalAt: 'bigint',
    configCount: 'int',
    epochAndRound: 'bigint',
    callback: 'text',
    gasUsed: 'bigint',
    gasFee: 'bigint',
    transmitter: 'hex',
    transactionHash: 'hex',
    blockNumber: 'bigint',
    logIndex: 'int',
    timestamp: 'bigint',
  },
  /** One row a challenged answer. `status`: open, upheld, overturned, unresolved. `endedBlock`: 0 while it is open. `seed`: zero until it is kept on-chain. `verdictTransaction`: zero until there is a verdict. */
  inferenceDispute: {
    id: 'text',
    chainId: 'int',
    oracle: 'hex',
    requestId: 'bigint',
    challenger: 'hex',
    bond: 'bigint',
    anchorBlock: 'bigint',
    committeeSize: 'int',
    seed: 'hex',
    deadline: 'bigint',
    status: 'text',
    votes: 'int',
    distance: 'bigint',
    values: 'json',
    evidenceDigest: 'hex',
    endedBlock: 'bigint',
    verdictTransaction: 'hex',
    transactionHash: 'hex',
    blockNumber: 'bigint',
    logIndex: 'int',
    timestamp: 'bigint',
  },
  /** Append-only: each `ConfigSet` of a quorum verifier. `signers` and `transmitters`: JSON arrays of addresses. */
  validatorConfig: {
    id: 'text',
    chainId: 'int',
    contract: 'hex',
    configDigest: 'hex',
    configCount: 'bigint',
    signers: 'json',
    transmitters: 'json',
    f: 'int',
    onchainConfig: 'hex',
    offchainConfigVersion: 'bigint',
    offchainConfig: 'hex',
    blockNumber: 'bigint',
    timestamp: 'bigint',
  },
  /**
   * The newest live blocks of each chain, at most `blockSlots`: block n lies in slot n modulo `blockSlots`, whichever is
   * the newest. A row is written and taken back together with the rows of its block.
   */
  block: {
    chainId: 'int',
    slot: 'int',
    number: 'bigint',
    hash: 'hex',
    parentHash: 'hex',
    timestamp: 'bigint',
  },
} as const satisfies Record<string, Record<string, ColumnKind>>

/** The column that names the contract which a row came from. */
export const contractColumns = {
  event: 'address',
  pool: 'address',
  poolSync: 'pool',
  poolSwap: 'pool',
  poolBar: 'pool',
  feedRound: 'feed',
  feedVectorRound: 'feed',
  inferenceRequest: 'oracle',
  inferenceAnswer: 'oracle',
  inferenceDispute: 'oracle',
  model: 'registry',
  modelVersion: 'registry',
  validatorConfig: 'contract',
} as const satisfies { readonly [T in TableName]?: Column<T> }

/** Primary keys that are not `id`. */
export const keyColumns = {
  pool: ['chainId', 'address'],
  block: ['chainId', 'slot'],
} as const satisfies { readonly [T in TableName]?: readonly Column<T>[] }

/** How many live blocks of a chain the index remembers. */
export const blockSlots = 1_024

export type ColumnKind = 'int' | 'bigint' | 'text' | 'hex' | 'bool' | 'json'

interface KindValue {
  int: number
  bigint: bigint
  text: string
  hex: Hex
  bool: boolean
  json: Json
}

export type TableName = keyof typeof indexTables
export type Row<T extends TableName> = {
  readonly [C in keyof (typeof indexTables)[T]]: (typeof indexTables)[T][C] extends ColumnKind
    ? KindValue[(typeof indexTables)[T][C]]
    : never
}
export type Column<T extends TableName> = keyof (typeof indexTables)[T] & string
