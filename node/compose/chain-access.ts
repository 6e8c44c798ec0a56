import type { NodeKeys } from '../adapters/keystore/keys.ts'
import { viemChainReader } from '../adapters/viem/chain-reader.ts'
import { type ChainPools, chainPools } from '../adapters/viem/pools.ts'
import { viemTxSender } from '../adapters/viem/tx-sender.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { ChainReader, TxSender } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Teardown } from './teardown.ts'

const RPC_TIMEOUT_MS = 10_000
const RECEIPT_TIMEOUT_MS = 120_000
/** A transaction that is not mined after this is sent again with higher fees. */
const BUMP_AFTER_MS = 20_000

export interface ChainAccess {
  /** The providers of each chain. */
  readonly pools: ChainPools
  readonly chain: ChainReader
  readonly sender: TxSender
}

/** What reads the chains and writes to them, started. */
export async function chainAccess(
  config: NodeConfig,
  modules: {
    readonly keys: NodeKeys
    readonly teardown: Teardown
    readonly log: Logger
    readonly metrics: Metrics
    readonly clock: Clock
  },
): Promise<ChainAccess> {
  const { keys, teardown, ...common } = modules
  const pools = chainPools({ chains: config.chains, timeoutMs: RPC_TIMEOUT_MS }, common)
  const chain = viemChainReader(
    {
      chains: config.chains.map(({ pollingIntervalMs, ...entry }) => ({
        ...entry,
        ...(pollingIntervalMs === undefined ? {} : { headPollMs: pollingIntervalMs }),
      })),
      timeoutMs: RPC_TIMEOUT_MS,
    },
    { pools, ...common },
  )
  await chain.start()
  teardown.add('chain reader', () => chain.stop())
  const sender = viemTxSender(
    {
      chains: config.chains,
      privateKey: keys.transmitter.privateKey,
      receiptTimeoutMs: RECEIPT_TIMEOUT_MS,
      bumpAfterMs: BUMP_AFTER_MS,
      pollMs: Math.min(500, ...config.chains.map((entry) => entry.pollingIntervalMs ?? 500)),
    },
    { reader: chain, pools, ...common },
  )
  await sender.start()
  teardown.add('transaction sender', () => sender.stop())
  return { pools, chain, sender }
}
