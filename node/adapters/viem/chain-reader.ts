import { numberToHex } from 'viem'
import type { BlockRef, BlockTag, ChainInfo, ChainReader, FinalityRule } from '../../ports/chain.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Gauge, Metrics } from '../../ports/metrics.ts'
import type { RpcEndpoint } from '../../ports/rpc-endpoint.ts'
import { blockOf, hexOf, logsOf, orNull, quantityOf, receiptOf, transactionOf } from './decode.ts'
import { ChainError, unknownChain } from './errors.ts'
import { type HeadSubscription, headSubscription } from './head-subscription.ts'
import { readLogs } from './logs.ts'
import { type ChainPools, chainPools } from './pools.ts'
import type { ProviderPool } from './provider-pool.ts'

const DEFAULT_HEAD_POLL_MS = 1_000
/** While a WebSocket tells of new blocks, the head is asked for at this many times the interval. */
const TOLD_FACTOR = 4
/** A WebSocket that says nothing for so long is made anew; no chain is that slow. */
const QUIET_MS = 120_000
/** A chain without the `finalized` tag is asked for it again after this long. */
const FINALIZED_RETRY_MS = 600_000
/** While the head is the same block, what is final is asked for in one of so many polls. */
const FINALIZED_POLLS = 4

export interface ReaderChain extends ChainInfo {
  /** JSON-RPC over HTTP, most preferred first. */
  readonly rpc: readonly RpcEndpoint[]
  /** `finalized` when absent. */
  readonly finality?: FinalityRule
  /** How old the answer of `head` may be; 1,000 when absent. */
  readonly headPollMs?: number
}

export interface ViemChainReaderOptions {
  readonly chains: readonly ReaderChain[]
  /** For one request to one provider, answer's body included. */
  readonly timeoutMs: number
}

export interface ViemChainReader extends ChainReader {
  /** Begins to follow the heads. Does not wait for any provider, and does not fail when all are away. */
  start(): Promise<void>
  stop(): Promise<void>
  health(): Health
}

interface Cached {
  readonly block: BlockRef
  readonly atMs: number
}

interface CachedFinal extends Cached {
  /** Of the head when it was asked for. */
  readonly headHash: string | null
}

/** One chain's providers and what is remembered of its head. */
interface ChainState {
  readonly info: ChainInfo
  readonly finality: FinalityRule
  readonly headPollMs: number
  readonly pool: ProviderPool
  head: Cached | null
  headRequest: Promise<BlockRef> | null
  finalized: CachedFinal | null
  finalizedRequest: Promise<BlockRef> | null
  noFinalizedUntilMs: number
  readonly subscriptions: readonly HeadSubscription[]
  timer: Timer | null
  problem: string | null
}

/**
 * Reads chains over JSON-RPC with fallback among each chain's providers. `head` and `finalized` answer from memory
 * while what they know is at most `headPollMs` old (`finalized` longer, while no new block came), so any number of callers
 * cost one request a poll.
 */
export function viemChainReader(
  options: ViemChainReaderOptions,
  modules: {
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
    /** The providers, where others use them too; else the reader has its own. */
    readonly pools?: ChainPools
  },
): ViemChainReader {
  return new Reader(options, modules)
}

class Reader implements ViemChainReader {
  readonly #chains = new Map<number, ChainState>()
  readonly #clock: Clock
  readonly #log: Logger
  readonly #headBlock: Gauge
  readonly #headTime: Gauge
  #running = false

  constructor(options: ViemChainReaderOptions, modules: Parameters<typeof viemChainReader>[1]) {
    this.#clock = modules.clock
    this.#log = modules.log
    const pools = modules.pools ?? chainPools(options, modules)
    const labels = ['chain']
    this.#headBlock = modules.metrics.gauge({
      name: 'iyi_chain_head_block',
      help: 'Newest block seen',
      labels,
    })
    this.#headTime = modules.metrics.gauge({
      name: 'iyi_chain_head_timestamp_seconds',
      help: 'Time of the newest block seen',
      labels,
    })
    const known = modules.metrics.gauge({
      name: 'iyi_chain_info',
      help: '1: the id (chain) and the name of a chain, which other metrics are labelled by',
      labels: ['chain', 'name'],
    })
    for (const chain of options.chains) {
      const { id, name, confirmations, multicall } = chain
      known.set(1, { chain: id, name })
      this.#chains.set(id, {
        info: { id, name, confirmations, ...(multicall === undefined ? {} : { multicall }) },
        finality: chain.finality ?? 'finalized',
        headPollMs: chain.headPollMs ?? DEFAULT_HEAD_POLL_MS,
        pool: pools.pool(id),
        head: null,
        headRequest: null,
        finalized: null,
        finalizedRequest: null,
        noFinalizedUntilMs: Number.NEGATIVE_INFINITY,
        subscriptions: this.#subscriptions(chain, modules),
        timer: null,
        problem: null,
      })
    }
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    for (const chain of this.#chains.values()) {
      for (const subscription of chain.subscriptions) subscription.start()
      this.#follow(chain)
    }
  }

  async stop(): Promise<void> {
    this.#running = false
    for (const chain of this.#chains.values()) {
      for (const subscription of chain.subscriptions) subscription.stop()
      chain.timer?.cancel()
      chain.timer = null
      chain.pool.stop()
    }
    await Promise.allSettled(
      [...this.#chains.values()].flatMap((chain) => [chain.headRequest, chain.finalizedRequest]),
    )
  }

  health(): Health {
    if (!this.#running) return { status: 'failed', reason: 'Start the chain reader' }
    const problems: string[] = []
    let failed = false
    for (const { info, pool, problem } of this.#chains.values()) {
      const { providers, away, wrong } = pool.state
      if (wrong > 0)
        problems.push(`correct the RPC URLs of ${info.name}: ${wrong} of ${providers} serve another chain`)
      if (wrong === providers) failed = true
      if (away > 0) problems.push(`check the RPC providers of ${info.name}: ${away} of ${providers} are away`)
      else if (problem !== null && wrong === 0) problems.push(`${info.name}: ${problem}`)
    }
    if (problems.length === 0) return { status: 'ok', detail: `${this.#chains.size} chains` }
    return { status: failed ? 'failed' : 'degraded', reason: problems.join('; ') }
  }

  chains(): readonly ChainInfo[] {
    return [...this.#chains.values()].map((chain) => chain.info)
  }

  async head(chainId: number): Promise<BlockRef> {
    const chain = this.#chain(chainId)
    const { head } = chain
    if (head !== null && this.#fresh(chain, head)) return head.block
    return await this.#readHead(chain)
  }

  async finalized(chainId: number): Promise<BlockRef> {
    const chain = this.#chain(chainId)
    const { finalized } = chain
    if (finalized !== null && this.#stillFinal(chain, finalized)) return finalized.block
    const headHash = chain.head?.block.hash ?? null
    chain.finalizedRequest ??= this.#readFinalized(chain)
      .then((block) => {
        chain.finalized = { block, atMs: this.#clock.monotonic(), headHash }
        return block
      })
      .finally(() => {
        chain.finalizedRequest = null
      })
    return await chain.finalizedRequest
  }

  async block(chainId: number, at: BlockTag): Promise<BlockRef | null> {
    return await this.#readBlock(this.#chain(chainId), at)
  }

  async call(chainId: number, request: Parameters<ChainReader['call']>[1]): ReturnType<ChainReader['call']> {
    const { to, data, at = 'latest' } = request
    // A hash names its block as EIP-1898 has it.
    const block = typeof at === 'string' && at !== 'latest' ? { blockHash: at } : tagOf(at)
    return await this.#chain(chainId).pool.request('eth_call', [{ to, data }, block], hexOf)
  }

  async logs(chainId: number, filter: Parameters<ChainReader['logs']>[1]): ReturnType<ChainReader['logs']> {
    const { pool } = this.#chain(chainId)
    const { address, topics } = filter
    return await readLogs(filter, async (fromBlock, toBlock) => {
      const range = { fromBlock: numberToHex(fromBlock), toBlock: numberToHex(toBlock) }
      const params = topics === undefined ? { address, ...range } : { address, topics, ...range }
      return await pool.request('eth_getLogs', [params], logsOf)
    })
  }

  async transaction(chainId: number, hash: `0x${string}`): ReturnType<ChainReader['transaction']> {
    return await this.#chain(chainId).pool.request('eth_getTransactionByHash', [hash], orNull(transactionOf))
  }

  async receipt(chainId: number, hash: `0x${string}`): ReturnType<ChainReader['receipt']> {
    return await this.#chain(chainId).pool.request('eth_getTransactionReceipt', [hash], receiptOf)
  }

  async balance(chainId: number, address: `0x${string}`): Promise<bigint> {
    return await this.#chain(chainId).pool.request('eth_getBalance', [address, 'latest'], quantityOf)
  }

  /** One for each provider that has a WebSocket: whichever is first to know. */
  #subscriptions(
    { id, rpc }: ReaderChain,
    modules: { readonly clock: Clock; readonly log: Logger },
  ): readonly HeadSubscription[] {
    return rpc.flatMap((entry, provider) => {
      const url = typeof entry === 'string' ? undefined : entry.ws
      if (url === undefined) return []
      const onHead = () => {
        const chain = this.#chains.get(id)
        if (chain !== undefined && this.#running) this.#hear(chain)
      }
      return [headSubscription({ url, chainId: id, provider, quietMs: QUIET_MS, onHead }, modules)]
    })
  }

  #chain(chainId: number): ChainState {
    const chain = this.#chains.get(chainId)
    if (chain === undefined) throw unknownChain(chainId)
    return chain
  }

  #fresh(chain: ChainState, cached: Cached): boolean {
    return this.#clock.monotonic() - cached.atMs <= pollMsOf(chain)
  }

  #stillFinal(chain: ChainState, cached: CachedFinal): boolean {
    if (this.#fresh(chain, cached)) return true
    if (chain.head === null || chain.head.block.hash !== cached.headHash) return false
    return this.#clock.monotonic() - cached.atMs <= FINALIZED_POLLS * pollMsOf(chain)
  }

  async #readBlock(chain: ChainState, at: BlockTag | 'finalized' | 'safe'): Promise<BlockRef | null> {
    if (typeof at === 'string' && at.startsWith('0x')) {
      return await chain.pool.request('eth_getBlockByHash', [at, false], orNull(blockOf))
    }
    return await chain.pool.request('eth_getBlockByNumber', [tagOf(at), false], orNull(blockOf))
  }

  async #readHead(chain: ChainState): Promise<BlockRef> {
    chain.headRequest ??= chain.pool
      .request('eth_getBlockByNumber', ['latest', false], blockOf)
      .then((block) => {
        chain.head = { block, atMs: this.#clock.monotonic() }
        chain.problem = null
        this.#headBlock.set(Number(block.number), { chain: chain.info.id })
        this.#headTime.set(block.timestamp, { chain: chain.info.id })
        return block
      })
      .finally(() => {
        chain.headRequest = null
      })
    return await chain.headRequest
  }

  async #readFinalized(chain: ChainState): Promise<BlockRef> {
    const { finality } = chain
    if (typeof finality === 'string' && this.#clock.monotonic() >= chain.noFinalizedUntilMs) {
      try {
        const block = await this.#readBlock(chain, finality)
        if (block !== null) return block
      } catch (error) {
        if (!(error instanceof ChainError) || error.code !== 'CHAIN_RPC_ERROR') throw error
        chain.noFinalizedUntilMs = this.#clock.monotonic() + FINALIZED_RETRY_MS
      }
    }
    const head = await this.#readHead(chain)
    const depth = BigInt(typeof finality === 'string' ? chain.info.confirmations : finality.depth)
    const block =
      depth === 0n ? head : await this.#readBlock(chain, head.number > depth ? head.number - depth : 0n)
    if (block !== null) return block
    throw new ChainError(
      'CHAIN_UNAVAILABLE',
      `Wait until the providers of chain ${chain.info.id} agree on its head`,
      {
        data: {
          chainId: chain.info.id,
          method: 'eth_getBlockByNumber',
          reason: 'a block below the head is missing',
        },
        retry: true,
      },
    )
  }

  /** Somebody says that there is a new block: the head is read at once, from whoever serves. */
  #hear(chain: ChainState): void {
    this.#readHead(chain).catch((error: unknown) => {
      this.#log.debug({ chain: chain.info.id, err: error }, 'Read the head again later')
    })
  }

  /** Keeps the head fresh: one request a poll, whoever else asks; and sees to providers that are in doubt. */
  #follow(chain: ChainState): void {
    void chain.pool.probe()
    this.#readHead(chain)
      .catch((error: unknown) => {
        if (!this.#running) return
        chain.problem = error instanceof Error ? error.message : 'its head cannot be read'
        this.#log.debug({ chain: chain.info.id, reason: chain.problem }, 'Read the head again later')
      })
      .finally(() => {
        if (!this.#running) return
        const pauseMs = pollMsOf(chain)
        chain.timer?.cancel()
        chain.timer = this.#clock.setTimer(pauseMs, () => this.#follow(chain))
      })
  }
}

function pollMsOf({ headPollMs, subscriptions }: ChainState): number {
  return subscriptions.some(({ live }) => live) ? headPollMs * TOLD_FACTOR : headPollMs
}

function tagOf(at: BlockTag | 'finalized' | 'safe'): string {
  return typeof at === 'bigint' ? numberToHex(at) : at
}
