import { systemClock } from '../adapters/clock/system.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import { viemChainReader } from '../adapters/viem/chain-reader.ts'
import { hexOf } from '../adapters/viem/decode.ts'
import { chainPools } from '../adapters/viem/pools.ts'
import { rawLogs } from '../adapters/viem/raw-logs.ts'
import type { AbiTrial } from '../cli/deps.ts'
import type { NodeConfig } from '../config/schema.ts'
import { watchedContract } from '../decoding/watched-contract.ts'
import type { Address } from '../ports/chain.ts'
import type { CustomContract } from '../ports/custom-tables.ts'

/** So many of the newest blocks are looked through: enough for a busy contract, little for a provider. */
const BLOCKS = 500n
const TIMEOUT_MS = 5_000

/** How the newest logs of a contract fit its ABI; null where no provider answers. */
export async function tryAbi(config: NodeConfig, contract: CustomContract): Promise<AbiTrial | null> {
  const chains = config.chains.filter(({ id }) => id === contract.chainId)
  const modules = {
    ...{ clock: systemClock, metrics: prometheusMetrics() },
    log: pinoLogger({ level: 'silent', format: 'json' }),
  }
  const pools = chainPools({ chains, timeoutMs: TIMEOUT_MS }, modules)
  const reader = viemChainReader({ chains, timeoutMs: TIMEOUT_MS }, { pools, ...modules })
  const watched = watchedContract(contract)
  const pool = pools.pool(contract.chainId)
  try {
    const { number: toBlock } = await reader.head(contract.chainId)
    const fromBlock = toBlock >= BLOCKS ? toBlock - BLOCKS + 1n : 0n
    const { addresses, topics } = watched
    const logs = await rawLogs({ pools }).logs(contract.chainId, { addresses, topics, fromBlock, toBlock })
    const misfits = logs.flatMap((log) => watched.undecoded(log) ?? [])
    const codeless: Address[] = []
    for (const address of 'addresses' in contract.source ? contract.source.addresses : []) {
      // A provider that does not tell says nothing against the ABI.
      const code = await pool.request('eth_getCode', [address, 'latest'], hexOf).catch(() => null)
      if (code === '0x') codeless.push(address)
    }
    return { logs: logs.length, misfits: misfits.length, first: misfits[0] ?? null, codeless }
  } catch {
    return null
  } finally {
    pools.stop()
  }
}
