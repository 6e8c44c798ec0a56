import { index, onchainTable, primaryKey } from 'ponder'

// Before the tables below: `watermark` stays the last.
export * from './custom/tables.ts'

// Indexes are ascending: read backwards they give the newest first. Drizzle's descending ones put nulls last, which no
// `ORDER BY ... DESC` matches, so PostgreSQL would sort.

// The public tables mirror node/ports/index-tables.ts; a test holds the two equal. `watermark` is between the
// indexer and the node's index reader alone.

export const event = onchainTable(
  'event',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    blockNumber: t.bigint().notNull(),
    blockHash: t.hex().notNull(),
    logIndex: t.integer().notNull(),
    transactionHash: t.hex().notNull(),
    timestamp: t.bigint().notNull(),
    address: t.hex().notNull(),
    name: t.text().notNull(),
    data: t.json().notNull(),
  }),
  (table) => ({
    position: index('event_position').on(table.chainId, table.blockNumber, table.logIndex),
    ofContract: index('event_address').on(table.chainId, table.address, table.blockNumber),
  }),
)

export const pool = onchainTable(
  'pool',
  (t) => ({
    chainId: t.int8({ mode: 'number' }).notNull(),
    address: t.hex().notNull(),
    token0: t.hex().notNull(),
    token1: t.hex().notNull(),
    swapCount: t.integer().notNull(),
    reserve0: t.bigint().notNull(),
    reserve1: t.bigint().notNull(),
    updatedBlock: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.address] }) }),
)

export const poolSync = onchainTable(
  'pool_sync',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    pool: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    logIndex: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
    reserve0: t.bigint().notNull(),
    reserve1: t.bigint().notNull(),
  }),
  (table) => ({
    latest: index('pool_sync_latest').on(table.chainId, table.pool, table.blockNumber, table.logIndex),
  }),
)

export const poolSwap = onchainTable(
  'pool_swap',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    pool: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    logIndex: t.integer().notNull(),
    transactionHash: t.hex().notNull(),
    timestamp: t.bigint().notNull(),
    sender: t.hex().notNull(),
    recipient: t.hex().notNull(),
    amount0In: t.bigint().notNull(),
    amount1In: t.bigint().notNull(),
    amount0Out: t.bigint().notNull(),
    amount1Out: t.bigint().notNull(),
  }),
  (table) => ({
    latest: index('pool_swap_latest').on(table.chainId, table.pool, table.blockNumber, table.logIndex),
  }),
)

export const poolBar = onchainTable(
  'pool_bar',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    pool: t.hex().notNull(),
    start: t.bigint().notNull(),
    open: t.bigint().notNull(),
    high: t.bigint().notNull(),
    low: t.bigint().notNull(),
    close: t.bigint().notNull(),
    volume0: t.bigint().notNull(),
    volume1: t.bigint().notNull(),
    swapCount: t.integer().notNull(),
    lastBlock: t.bigint().notNull(),
  }),
  (table) => ({ series: index('pool_bar_series').on(table.chainId, table.pool, table.start) }),
)

export const feedRound = onchainTable(
  'feed_round',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    feed: t.hex().notNull(),
    roundId: t.bigint().notNull(),
    answer: t.bigint().notNull(),
    accepted: t.boolean().notNull(),
    observationsTimestamp: t.bigint().notNull(),
    epochAndRound: t.bigint().notNull(),
    configDigest: t.hex().notNull(),
    evidenceDigest: t.hex().notNull(),
    modelDigest: t.hex().notNull(),
    transmitter: t.hex().notNull(),
    transactionHash: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    blockHash: t.hex().notNull(),
    logIndex: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({ latest: index('feed_round_latest').on(table.chainId, table.feed, table.roundId) }),
)

export const feedVectorRound = onchainTable(
  'feed_vector_round',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    feed: t.hex().notNull(),
    roundId: t.bigint().notNull(),
    answers: t.json().notNull(),
    accepted: t.boolean().notNull(),
    observationsTimestamp: t.bigint().notNull(),
    epochAndRound: t.bigint().notNull(),
    configDigest: t.hex().notNull(),
    evidenceDigest: t.hex().notNull(),
    modelDigest: t.hex().notNull(),
    agreeing: t.integer().notNull(),
    observers: t.integer().notNull(),
    spread: t.bigint().notNull(),
    transmitter: t.hex().notNull(),
    transactionHash: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    blockHash: t.hex().notNull(),
    logIndex: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({ latest: index('feed_vector_round_latest').on(table.chainId, table.feed, table.roundId) }),
)

export const model = onchainTable(
  'model',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    registry: t.hex().notNull(),
    modelId: t.bigint().notNull(),
    owner: t.hex().notNull(),
    name: t.text().notNull(),
    createdBlock: t.bigint().notNull(),
  }),
  (table) => ({ byModel: index('model_by_model').on(table.chainId, table.registry, table.modelId) }),
)

export const modelVersion = onchainTable(
  'model_version',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    registry: t.hex().notNull(),
    modelId: t.bigint().notNull(),
    version: t.integer().notNull(),
    manifestDigest: t.hex().notNull(),
    uri: t.text().notNull(),
    active: t.boolean().notNull(),
    createdBlock: t.bigint().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({
    byModel: index('model_version_by_model').on(table.chainId, table.registry, table.modelId, table.version),
    byDigest: index('model_version_by_digest').on(table.manifestDigest),
  }),
)

export const inferenceRequest = onchainTable(
  'inference_request',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    oracle: t.hex().notNull(),
    requestId: t.bigint().notNull(),
    modelDigest: t.hex().notNull(),
    modelId: t.bigint().notNull(),
    version: t.integer().notNull(),
    requester: t.hex().notNull(),
    inputHash: t.hex().notNull(),
    inputLength: t.integer().notNull(),
    input: t.hex().notNull(),
    callbackGasLimit: t.integer().notNull(),
    minAgreeing: t.integer().notNull(),
    finalOnly: t.boolean().notNull(),
    delivered: t.boolean().notNull(),
    deadline: t.bigint().notNull(),
    price: t.bigint().notNull(),
    maxFee: t.bigint().notNull(),
    status: t.text().notNull(),
    endedBlock: t.bigint().notNull(),
    transactionHash: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    logIndex: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({
    queue: index('inference_request_queue').on(
      table.chainId,
      table.oracle,
      table.endedBlock,
      table.blockNumber,
      table.logIndex,
    ),
    // What was not answered in time may wait for its refund for ever: none of it is read to find what still waits.
    waiting: index('inference_request_waiting').on(
      table.chainId,
      table.oracle,
      table.endedBlock,
      table.deadline,
    ),
    standing: index('inference_request_standing').on(
      table.chainId,
      table.oracle,
      table.status,
      table.blockNumber,
    ),
    byRequest: index('inference_request_by_request').on(table.requestId),
    byInput: index('inference_request_by_input').on(
      table.chainId,
      table.oracle,
      table.inputHash,
      table.endedBlock,
    ),
    ofRequester: index('inference_request_requester').on(table.chainId, table.requester, table.blockNumber),
    latest: index('inference_request_latest').on(
      table.chainId,
      table.oracle,
      table.blockNumber,
      table.logIndex,
    ),
  }),
)

export const inferenceAnswer = onchainTable(
  'inference_answer',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    oracle: t.hex().notNull(),
    requestId: t.bigint().notNull(),
    modelDigest: t.hex().notNull(),
    outcome: t.integer().notNull(),
    agreeing: t.integer().notNull(),
    observers: t.integer().notNull(),
    spread: t.bigint().notNull(),
    values: t.json().notNull(),
    evidenceDigest: t.hex().notNull(),
    observationsTimestamp: t.bigint().notNull(),
    finalAt: t.bigint().notNull(),
    configCount: t.integer().notNull(),
    epochAndRound: t.bigint().notNull(),
    callback: t.text().notNull(),
    gasUsed: t.bigint().notNull(),
    gasFee: t.bigint().notNull(),
    transmitter: t.hex().notNull(),
    transactionHash: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    logIndex: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({
    latest: index('inference_answer_latest').on(
      table.chainId,
      table.oracle,
      table.blockNumber,
      table.logIndex,
    ),
    byRequest: index('inference_answer_by_request').on(table.requestId),
  }),
)

export const inferenceDispute = onchainTable(
  'inference_dispute',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    oracle: t.hex().notNull(),
    requestId: t.bigint().notNull(),
    challenger: t.hex().notNull(),
    bond: t.bigint().notNull(),
    anchorBlock: t.bigint().notNull(),
    committeeSize: t.integer().notNull(),
    seed: t.hex().notNull(),
    deadline: t.bigint().notNull(),
    status: t.text().notNull(),
    votes: t.integer().notNull(),
    distance: t.bigint().notNull(),
    values: t.json().notNull(),
    evidenceDigest: t.hex().notNull(),
    endedBlock: t.bigint().notNull(),
    verdictTransaction: t.hex().notNull(),
    transactionHash: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    logIndex: t.integer().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({
    queue: index('inference_dispute_queue').on(
      table.chainId,
      table.oracle,
      table.endedBlock,
      table.blockNumber,
    ),
    byRequest: index('inference_dispute_by_request').on(table.requestId),
  }),
)

export const validatorConfig = onchainTable(
  'validator_config',
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.int8({ mode: 'number' }).notNull(),
    contract: t.hex().notNull(),
    configDigest: t.hex().notNull(),
    configCount: t.bigint().notNull(),
    signers: t.json().notNull(),
    transmitters: t.json().notNull(),
    f: t.integer().notNull(),
    onchainConfig: t.hex().notNull(),
    offchainConfigVersion: t.bigint().notNull(),
    offchainConfig: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({
    latest: index('validator_config_latest').on(table.chainId, table.contract, table.configCount),
  }),
)

/** The newest live blocks of each chain, in as many slots: what is older is written over. */
export const block = onchainTable(
  'block',
  (t) => ({
    chainId: t.int8({ mode: 'number' }).notNull(),
    slot: t.integer().notNull(),
    number: t.bigint().notNull(),
    hash: t.hex().notNull(),
    parentHash: t.hex().notNull(),
    timestamp: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.slot] }) }),
)

/**
 * One row a chain: the newest live block whose rows are all there. Changes with those rows in one transaction. Stays
 * the last table, by place and by name: readers rely on Ponder's locking order.
 */
export const watermark = onchainTable('watermark', (t) => ({
  chainId: t.int8({ mode: 'number' }).primaryKey(),
  blockNumber: t.bigint().notNull(),
  blockHash: t.hex().notNull(),
  timestamp: t.bigint().notNull(),
}))
