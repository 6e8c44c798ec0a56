import { createConfig } from 'ponder'
import { constantProductPoolAbi } from '../contracts/abi/ConstantProductPool.ts'
import { inferenceOracleAbi } from '../contracts/abi/InferenceOracle.ts'
import { iOcr2AggregatorAbi } from '../contracts/abi/IOcr2Aggregator.ts'
import { modelRegistryAbi } from '../contracts/abi/ModelRegistry.ts'
import { oracleFeedAbi } from '../contracts/abi/OracleFeed.ts'
import { oracleVectorFeedAbi } from '../contracts/abi/OracleVectorFeed.ts'
import { readIndexerConfig } from './config.ts'
import { customSources } from './custom/sources.ts'
import { onThisMachine, rpcEntries, sourcesOf } from './sources.ts'

const config = readIndexerConfig(process.env.IYI_INDEXER_CONFIG)
const connectionString = process.env.DATABASE_URL
if (connectionString === undefined || connectionString === '')
  throw new Error('DATABASE_URL is not set. Set it to the PostgreSQL connection string of the node.')

export default createConfig({
  // 2 connections for itself and a third of the rest for each of its three pools.
  database: { kind: 'postgres', connectionString, poolConfig: { max: 14 } },
  // Rows of different chains never share a key, so per-chain order is enough and a slow chain delays no other.
  ordering: 'multichain',
  chains: Object.fromEntries(
    config.chains.map(({ id, name, rpc, pollingIntervalMs }) => [
      name,
      {
        id,
        rpc: rpcEntries(rpc),
        disableCache: rpc.every(onThisMachine),
        ...(pollingIntervalMs === undefined ? {} : { pollingInterval: pollingIntervalMs }),
      },
    ]),
  ),
  contracts: {
    pool: { abi: constantProductPoolAbi, chain: sourcesOf(config, 'pool') },
    feed: { abi: oracleFeedAbi, chain: sourcesOf(config, 'feed') },
    vector: { abi: oracleVectorFeedAbi, chain: sourcesOf(config, 'vector') },
    ocr2: { abi: iOcr2AggregatorAbi, chain: sourcesOf(config, 'ocr2') },
    inference: { abi: inferenceOracleAbi, chain: sourcesOf(config, 'inference') },
    registry: { abi: modelRegistryAbi, chain: sourcesOf(config, 'registry') },
    ...customSources(config),
  },
  blocks: {
    // Every live block, on every chain: see src/head.ts. From 'latest' on, so that a backfill fetches no empty block.
    head: {
      chain: Object.fromEntries(config.chains.map(({ name }) => [name, { startBlock: 'latest' as const }])),
      interval: 1,
    },
  },
})
