import { type AbiEvent, getAbiItem } from 'viem'
import { constantProductPoolAbi } from '../contracts/abi/ConstantProductPool.ts'
import { inferenceOracleAbi } from '../contracts/abi/InferenceOracle.ts'
import { iOcr2AggregatorAbi } from '../contracts/abi/IOcr2Aggregator.ts'
import { modelRegistryAbi } from '../contracts/abi/ModelRegistry.ts'
import { oracleFeedAbi } from '../contracts/abi/OracleFeed.ts'
import { oracleVectorFeedAbi } from '../contracts/abi/OracleVectorFeed.ts'
import type { IndexerConfig } from './config.ts'

type Kind = IndexerConfig['contracts'][number]['kind']

/** The events that the handlers write rows of: what the table `event` calls each, and its ABI. A test holds it to the handlers. */
export const handledEvents: readonly {
  readonly kind: Kind
  readonly name: string
  readonly abi: AbiEvent
}[] = [
  { kind: 'pool', name: 'pool.Sync', abi: getAbiItem({ abi: constantProductPoolAbi, name: 'Sync' }) },
  { kind: 'pool', name: 'pool.Swap', abi: getAbiItem({ abi: constantProductPoolAbi, name: 'Swap' }) },
  {
    kind: 'feed',
    name: 'feed.ReportTransmitted',
    abi: getAbiItem({ abi: oracleFeedAbi, name: 'ReportTransmitted' }),
  },
  {
    kind: 'feed',
    name: 'feed.AnswerOutOfRange',
    abi: getAbiItem({ abi: oracleFeedAbi, name: 'AnswerOutOfRange' }),
  },
  { kind: 'feed', name: 'quorum.ConfigSet', abi: getAbiItem({ abi: oracleFeedAbi, name: 'ConfigSet' }) },
  ...(['VectorTransmitted', 'VectorOutOfRange'] as const).map((name) => ({
    kind: 'vector' as const,
    name: `vector.${name}`,
    abi: getAbiItem({ abi: oracleVectorFeedAbi, name }),
  })),
  {
    kind: 'vector',
    name: 'quorum.ConfigSet',
    abi: getAbiItem({ abi: oracleVectorFeedAbi, name: 'ConfigSet' }),
  },
  {
    kind: 'ocr2',
    name: 'ocr2.NewTransmission',
    abi: getAbiItem({ abi: iOcr2AggregatorAbi, name: 'NewTransmission' }),
  },
  ...(
    [
      'InferenceRequested',
      'InferenceAnswered',
      'InferencePaid',
      'AnswerSkipped',
      'CallbackMade',
      'InferenceDelivered',
      'InferenceRefunded',
      'InferenceFinalized',
      'InferenceChallenged',
      'CommitteeDrawn',
      'CommitteeReanchored',
      'DisputeResolved',
      'DisputeUnresolved',
    ] as const
  ).map((name) => ({
    kind: 'inference' as const,
    name: `inference.${name}`,
    abi: getAbiItem({ abi: inferenceOracleAbi, name }),
  })),
  {
    kind: 'inference',
    name: 'quorum.ConfigSet',
    abi: getAbiItem({ abi: inferenceOracleAbi, name: 'ConfigSet' }),
  },
  { kind: 'ocr2', name: 'quorum.ConfigSet', abi: getAbiItem({ abi: iOcr2AggregatorAbi, name: 'ConfigSet' }) },
  ...(
    [
      'ModelRegistered',
      'ModelVersionAdded',
      'ModelVersionActiveSet',
      'ModelOwnershipTransferStarted',
      'ModelOwnershipTransferred',
    ] as const
  ).map((name) => ({
    kind: 'registry' as const,
    name: `registry.${name}`,
    abi: getAbiItem({ abi: modelRegistryAbi, name }),
  })),
]
