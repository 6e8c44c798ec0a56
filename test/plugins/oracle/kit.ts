import { hexToBytes, keccak256, toHex, zeroHash } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { DutyContext } from '../../../node/ports/quorum.ts'
import { type FeedConfig, oracleConfig } from '../../../plugins/oracle/config.ts'
import {
  encodeOnchainConfig,
  encodeRules,
  type FeedOnchainConfig,
  type FeedRules,
} from '../../../plugins/oracle/contract-config.ts'
import type { FeedObservation, FeedOutcome, Pin } from '../../../plugins/oracle/feed-types.ts'
import { encodeOcr2OnchainConfig } from '../../../plugins/oracle/kinds/ocr2.ts'
import { encodeVectorOnchainConfig } from '../../../plugins/oracle/vector-config.ts'
import { type MemoryIndex, memoryIndex } from '../../fakes/index-reader.ts'

export const HOME = 31337
export const AWAY = 31338
export const FEED_ADDRESS = '0x00000000000000000000000000000000000FEED1'
export const POOL_HOME = '0x0000000000000000000000000000000000000a01'
export const POOL_AWAY = '0x0000000000000000000000000000000000000a02'
/** A multiple of the bar, so that ends of windows are easy to see. */
/** An index in memory that has read both chains up to block 100. */
export function readIndex(): MemoryIndex {
  const index = memoryIndex()
  for (const chainId of [HOME, AWAY]) index.setHead(chainId, 100n)
  return index
}

export const ORIGIN = 1_700_000_000

export const rules: FeedRules = {
  deviationPpm: 5_000,
  reportIntervalSeconds: 600,
  toleranceAbsolute: 10n,
  tolerancePpm: 1_000,
  maxPinAgeSeconds: 60,
  inFlightSeconds: 120,
  agreement: 'median',
}

export const onchain: FeedOnchainConfig = {
  minAnswer: -(10n ** 30n),
  maxAnswer: 10n ** 30n,
  heartbeatSeconds: 3_600,
  modelDigest: zeroHash,
}

const pool = { startBlock: 1, baseDecimals: 18, quoteDecimals: 6 }
const pools = [
  { ...pool, chainId: HOME, address: POOL_HOME, base: 'token0' },
  { ...pool, chainId: AWAY, address: POOL_AWAY, base: 'token1' },
]
const contract = { chainId: HOME, address: FEED_ADDRESS, startBlock: 1 }

/** A feed as the operator's configuration gives it. */
export function feedConfig(changes: Record<string, unknown> = {}): FeedConfig {
  const feed = { id: 'price', decimals: 8, contract, source: { kind: 'pool-price', pools }, ...changes }
  const [parsed] = oracleConfig.parse({ feeds: [feed] }).feeds
  if (parsed === undefined) throw new TypeError('no feed')
  return parsed
}

/** A feed whose contract somebody else deployed. */
export function ocr2FeedConfig(): FeedConfig {
  return feedConfig({ contract: { ...contract, kind: 'ocr2' } })
}

/** What such a contract takes. */
export const limits = { min: 100n, max: 1_000n }

export function ocr2Context(changes: Partial<DutyContext> = {}): DutyContext {
  return dutyContext({ onchainConfig: hexToBytes(encodeOcr2OnchainConfig(limits)), ...changes })
}

export function modelFeedConfig(changes: Record<string, unknown> = {}): FeedConfig {
  return feedConfig({ id: 'volatility', source: { kind: 'model', model: 'volatility', pools, ...changes } })
}

/** A feed of a model with an answer of several elements. */
export function vectorFeedConfig(): FeedConfig {
  return feedConfig({
    id: 'term',
    contract: { ...contract, kind: 'vector' },
    source: { kind: 'model', model: 'volatility', pools },
  })
}

export const labels = [300n, 900n, 3_600n]

/** Rules and model of a vector feed with these labels. */
export function vectorContext(
  modelDigest: Hex,
  changes: Partial<FeedRules> = {},
  contractLabels: readonly bigint[] = labels,
): DutyContext {
  return dutyContext({
    onchainConfig: hexToBytes(encodeVectorOnchainConfig({ ...onchain, modelDigest, labels: contractLabels })),
    pluginConfig: hexToBytes(encodeRules({ ...rules, ...changes })),
  })
}

export function dutyContext(changes: Partial<DutyContext> = {}): DutyContext {
  return {
    configDigest: keccak256('0x01'),
    n: 4,
    f: 1,
    self: 0,
    seqNr: 1n,
    onchainConfig: hexToBytes(encodeOnchainConfig(onchain)),
    pluginConfig: hexToBytes(encodeRules(rules)),
    signal: new AbortController().signal,
    ...changes,
  }
}

export function pin(number: number, changes: Partial<Pin> = {}): Pin {
  const chainId = changes.chainId ?? HOME
  return {
    chainId,
    number: BigInt(number),
    hash: keccak256(toHex(`${chainId}/${number}/`)),
    timestamp: ORIGIN + number * 10,
    ...changes,
  }
}

export function attributed(values: readonly (bigint | FeedObservation)[]) {
  return values.map((value, oracle) => ({
    oracle,
    value: typeof value === 'bigint' ? { value, onchain: null } : value,
  }))
}

export function outcome(changes: Partial<FeedOutcome> = {}): FeedOutcome {
  return {
    feedId: 'price',
    modelDigest: zeroHash,
    pins: [pin(10), pin(12, { chainId: AWAY })],
    observations: [
      { oracle: 0, value: 100n, accepted: true },
      { oracle: 2, value: -101n, accepted: false },
      { oracle: 3, value: 101n, accepted: true },
    ],
    answer: 101n,
    spread: 1n,
    timestamp: ORIGIN + 100,
    agreed: true,
    due: true,
    lastReport: { answer: 101n, timestamp: ORIGIN + 100 },
    ...changes,
  }
}

export function syncRow(changes: Partial<Row<'poolSync'>> = {}): Row<'poolSync'> {
  return {
    id: `sync-${changes.chainId}-${changes.pool}-${changes.blockNumber}-${changes.logIndex}`,
    chainId: HOME,
    pool: POOL_HOME,
    blockNumber: 1n,
    logIndex: 0,
    timestamp: BigInt(ORIGIN),
    reserve0: 10n ** 21n,
    reserve1: 2_000n * 10n ** 6n,
    ...changes,
  }
}

export function barRow(start: number, close: bigint, changes: Partial<Row<'poolBar'>> = {}): Row<'poolBar'> {
  return {
    id: `bar-${changes.chainId}-${start}`,
    chainId: HOME,
    pool: POOL_HOME,
    start: BigInt(start),
    open: close,
    high: close,
    low: close,
    close,
    volume0: 1n,
    volume1: 1n,
    swapCount: 1,
    lastBlock: 1n,
    ...changes,
  }
}

export function vectorRow(
  round: number,
  answers: readonly bigint[],
  changes: Partial<Row<'feedVectorRound'>> = {},
): Row<'feedVectorRound'> {
  const { answer: _, ...shared } = roundRow(round)
  return { ...shared, answers: answers.map(String), agreeing: 3, observers: 4, spread: 5n, ...changes }
}

export function roundRow(round: number, changes: Partial<Row<'feedRound'>> = {}): Row<'feedRound'> {
  return {
    id: `round-${round}-${changes.logIndex ?? 0}`,
    chainId: HOME,
    feed: FEED_ADDRESS.toLowerCase() as `0x${string}`,
    roundId: BigInt(round),
    answer: 1_000n + BigInt(round),
    accepted: true,
    observationsTimestamp: BigInt(ORIGIN + round * 10),
    epochAndRound: BigInt(round) << 8n,
    configDigest: keccak256('0x01'),
    evidenceDigest: keccak256(toHex(round)),
    modelDigest: zeroHash,
    transmitter: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
    transactionHash: keccak256(toHex(`tx${round}`)),
    blockNumber: BigInt(round),
    blockHash: keccak256(toHex(`block${round}`)),
    logIndex: 0,
    timestamp: BigInt(ORIGIN + round * 10 + 5),
    ...changes,
  }
}
