import { pad } from 'viem'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { chainPools } from '../../node/adapters/viem/pools.ts'
import type { Address, ChainLog, Hex } from '../../node/ports/chain.ts'
import type { ChainHalts } from '../../node/ports/chain-trust.ts'
import type { Clock } from '../../node/ports/clock.ts'
import type { ArgumentsOf } from '../../node/trust/audit-scope.ts'
import { chainTrust } from '../../node/trust/chain-trust.ts'
import { chainHalts } from '../../node/trust/halts.ts'
import { silent, TestMetrics, until } from '../adapters/libp2p/kit.ts'
import { ACCOUNTS, type Anvil, anvil, CHAIN_ID, CODE } from '../adapters/viem/kit.ts'
import { memoryAgreements } from '../fakes/agreement-store.ts'
import { memoryIndex } from '../fakes/index-reader.ts'
import { type LyingRpc, lyingRpc } from './lying-rpc.ts'

export const LOGGER: Address = '0x00000000000000000000000000000000000000C2'
const TOPIC = pad('0x2a')
const CONFIRMATIONS = 2
const argumentsOf: ArgumentsOf = (_name, { data }) => ({ data })

export type Trust = ReturnType<typeof chainTrust>

export interface Rig {
  readonly chain: Anvil
  readonly providers: readonly LyingRpc[]
  readonly store: ReturnType<typeof memoryAgreements>
  readonly index: ReturnType<typeof memoryIndex>
  readonly halts: ChainHalts
  readonly metrics: TestMetrics
  trust: Trust
  /** Puts transactions that log into one block, each with its own data. */
  emit(...data: readonly Hex[]): Promise<void>
  /** Mines what the newest block lacks to be confirmed, and lets the index catch up with the chain. */
  confirm(options?: { forget?: (log: ChainLog) => boolean; lateBy?: bigint }): Promise<bigint>
  /** Resolves once the block is agreed on. */
  agreedOn(block: bigint): Promise<void>
  halted(): Promise<string>
  /** The node again, on what it remembers. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A real chain behind `providers` that can lie; an index that is right unless told otherwise; `k` of them must agree. */
export async function rig(options: {
  providers: number
  k: number
  timeoutMs?: number
  /** 200 ms when absent. */
  hedgeMs?: number
  /** The machine's when absent. */
  clock?: Clock
}): Promise<Rig> {
  const chain = await anvil()
  await chain.rpc('anvil_setCode', LOGGER, CODE.log)
  const providers = await Promise.all(Array.from({ length: options.providers }, () => lyingRpc(chain)))
  const store = memoryAgreements()
  const index = memoryIndex()
  const metrics = new TestMetrics()
  const modules = { clock: options.clock ?? systemClock, log: silent, metrics }
  const halts = chainHalts(modules)
  let pools = pool()

  function pool() {
    return chainPools(
      {
        chains: [{ id: CHAIN_ID, rpc: providers.map(({ url }) => url) }],
        timeoutMs: options.timeoutMs ?? 1_000,
      },
      modules,
    )
  }

  function begin(): Trust {
    return chainTrust(
      {
        chains: [
          {
            id: CHAIN_ID,
            name: 'test',
            confirmations: CONFIRMATIONS,
            providers: options.k,
            events: [{ address: LOGGER.toLowerCase() as Hex, topic: TOPIC, name: 'test.Log', from: 1n }],
          },
        ],
        pollMs: 20,
        times: { retryMs: 30, hedgeMs: options.hedgeMs ?? 200, forkMs: 200, indexMs: 150, asideMs: 100 },
      },
      { ...modules, witnesses: pools, index, store, argumentsOf, halts },
    )
  }

  const made: Rig = {
    chain,
    providers,
    store,
    index,
    halts,
    metrics,
    trust: begin(),
    async emit(...data) {
      await chain.rpc('evm_setAutomine', false)
      for (const each of data)
        await chain.rpc('eth_sendTransaction', { from: ACCOUNTS[0], to: LOGGER, data: each })
      await chain.rpc('anvil_mine', '0x1')
      await chain.rpc('evm_setAutomine', true)
    },
    async confirm({ forget = () => false, lateBy = 0n } = {}) {
      await chain.rpc('anvil_mine', `0x${CONFIRMATIONS.toString(16)}`)
      const head = BigInt(await chain.rpc<Hex>('eth_blockNumber'))
      const raw = await chain.rpc<Record<string, Hex>[]>('eth_getLogs', {
        address: LOGGER,
        fromBlock: '0x1',
        toBlock: 'latest',
      })
      index.remove('event', () => true)
      for (const log of raw.map(toLog)) {
        if (forget(log)) continue
        const { timestamp } = await chain.rpc<{ timestamp: Hex }>('eth_getBlockByHash', log.blockHash, false)
        const { blockNumber, blockHash, logIndex, transactionHash } = log
        index.add('event', {
          id: `${blockNumber}-${logIndex}`,
          chainId: CHAIN_ID,
          blockNumber,
          blockHash,
          logIndex,
          transactionHash,
          timestamp: BigInt(timestamp) + lateBy,
          address: LOGGER.toLowerCase() as Hex,
          name: 'test.Log',
          data: { data: log.data },
        })
      }
      index.setHead(CHAIN_ID, head)
      return head - BigInt(CONFIRMATIONS)
    },
    async agreedOn(block) {
      await until(`block ${block} is agreed on`, () => (made.trust.agreed(CHAIN_ID)?.number ?? -1n) >= block)
    },
    async halted() {
      await until('the chain halts', () => halts.list().length > 0)
      return halts.list()[0]?.reason ?? ''
    },
    async restart() {
      await made.trust.stop()
      pools.stop()
      pools = pool()
      made.trust = begin()
      made.trust.start()
    },
    async stop() {
      await made.trust.stop()
      pools.stop()
      await Promise.all(providers.map((provider) => provider.stop()))
      await chain.stop()
    },
  }
  made.trust.start()
  return made
}

function toLog(log: Record<string, unknown>): ChainLog {
  return {
    ...log,
    blockNumber: BigInt(String(log.blockNumber)),
    logIndex: Number(log.logIndex),
  } as unknown as ChainLog
}
