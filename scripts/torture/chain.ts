import { poolTraderAbi } from '../../contracts/abi/PoolTrader.ts'
import type { CustomContract } from '../../node/ports/custom-tables.ts'
import type { FillSource } from '../../node/ports/series-source.ts'
import {
  type Anvil,
  account,
  deployMarket,
  type Market,
  startAnvil,
  trade,
} from '../../test/adapters/ponder/fixture.ts'
import { deployFeed, type Feed, report } from '../../test/adapters/ponder/oracle-fixture.ts'
import { rpc } from '../../test/e2e/kit/chain.ts'
import type { Random } from '../../test/quorum/simulation/random.ts'
import { contractOf } from '../bench/index/figures.ts'
import { deployToken, transfers } from '../bench/index/history.ts'
import { TOLD } from './names.ts'

/** As deep as a storm goes back. Ponder follows 30 blocks of a chain that it does not know, the node's rule is below. */
export const DEEPEST = 25n
/** What the node of a storm calls final and confirmed. */
export const FINALITY = 32
export const CONFIRMATIONS = 2
/** Of one chain: Anvil loses the state of blocks that it goes back to when there are many more. */
export const MOST_BLOCKS = 500n
/** viem asks for a receipt once a block; one that came a moment later than its block needs another block. */
const NUDGE_MS = 1_000

/** A chain with what a node follows on it, and everything that can happen to it. */
export interface TortureChain {
  readonly anvil: Anvil
  readonly name: string
  readonly market: Market
  readonly feed: Feed
  /** Tokens that an operator follows by their ABI alone. The transfers of the one at `TOLD` are told of, as trades. */
  readonly custom: readonly CustomContract[]
  /** What a trade of that token is. */
  readonly fills: FillSource
  /** One thing more in the chain: trades, bursts of transfers, reports, empty blocks. Nothing once it is long enough. */
  work(random: Random): Promise<void>
  /** A reorganisation, of one of several kinds; none while all blocks are too old for it. */
  reorganise(random: Random): Promise<void>
  /** Blocks without any transaction. */
  mine(blocks: number): Promise<void>
  /** Ends a storm: the chain is higher than it ever was. */
  settle(): Promise<void>
  /** Those that left another block, or none, where the tip was. */
  reorganisations(): number
  stop(): Promise<void>
}

/** A transfer of n base units at a price of n: mints differ in their amount. */
export const fillFields = { base: 'value', price: 'value', priceScale: 0 } as const

export async function tortureChain(chainId: number, name: string): Promise<TortureChain> {
  const anvil = await startAnvil(chainId)
  try {
    return await prepared(anvil, name)
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

async function prepared(anvil: Anvil, name: string): Promise<TortureChain> {
  const { client, url, chainId } = anvil
  const market = await deployMarket(anvil)
  const feed = await deployFeed(anvil)
  const tokens = [await deployToken(anvil), await deployToken(anvil), await deployToken(anvil)] as const
  const custom = tokens.map((token, at) => ({
    ...contractOf(token, chainId, `${name}_${at}`),
    ...(at === TOLD ? { eventLog: true } : {}),
  }))
  const fills: FillSource = {
    ...{ id: `${name}_fills`, chainId, contracts: { addresses: [tokens[TOLD].token] } },
    ...{ event: `custom.${name}_${TOLD}.Transfer`, fields: fillFields },
  }
  /** No reorganisation goes below it. */
  let floor = await client.getBlockNumber()
  let peak = floor
  let reorganisations = 0
  let round = 0
  let recipient = 1
  const snapshots: { readonly id: unknown; readonly block: bigint }[] = []

  const tip = async () => {
    const number = await client.getBlockNumber()
    if (number > peak) peak = number
    if (number - DEEPEST > floor) floor = number - DEEPEST
    return number
  }
  const mine = async (blocks: number) => {
    // Not all at once: no chain steps over its own finality between two looks.
    for (let left = blocks; left > 0; left -= 20) await client.mine({ blocks: Math.min(20, left) })
    await tip()
  }
  /** A snapshot above a block that is gone is one of another branch. */
  const forgetAbove = (block: bigint) => {
    while ((snapshots.at(-1)?.block ?? -1n) > block) snapshots.pop()
  }
  const swap = (random: Random) =>
    random.chance(0.5)
      ? trade(anvil, market, true, BigInt(1 + random.integer(1e6)) * 10n ** 13n)
      : trade(anvil, market, false, BigInt(1 + random.integer(1e6)) * 10n ** 4n)
  const burst = async (random: Random) => {
    const count = 1 + random.integer(30)
    recipient += count
    await transfers(anvil, random.pick(tokens), count, recipient)
  }
  /** Several trades in one block. */
  const crowded = async (random: Random) => {
    await rpc(url, 'evm_setAutomine', [false])
    try {
      const first = await client.getTransactionCount({ address: account.address })
      for (let i = 0, count = 2 + random.integer(5); i < count; i++)
        await client.writeContract({
          ...{ address: market.trader, abi: poolTraderAbi, functionName: 'trade', nonce: first + i },
          args: [market.pool, random.chance(0.5), BigInt(1 + random.integer(1e6)) * 10n ** 6n],
          ...{ account, chain: null, gas: 1_000_000n },
        })
      await client.mine({ blocks: 1 })
    } finally {
      await rpc(url, 'evm_setAutomine', [true])
    }
  }
  const told = (random: Random) => report(anvil, feed, ++round, BigInt(random.integer(1_200)))

  const something = async (random: Random) => {
    const dice = random.next()
    if (dice < 0.35) for (let i = random.integer(4); i >= 0; i--) await swap(random)
    else if (dice < 0.6) await burst(random)
    else if (dice < 0.75) await crowded(random)
    else if (dice < 0.85) await told(random)
    else if (dice < 0.93) await mine(1 + random.integer(8))
    else snapshots.push({ id: await rpc(url, 'evm_snapshot', []), block: await tip() })
  }
  const nudged = async (work: Promise<void>) => {
    const nudge = setInterval(() => void client.mine({ blocks: 1 }).catch(() => {}), NUDGE_MS)
    await work.finally(() => clearInterval(nudge))
  }

  const deepest = async () => {
    const top = await tip()
    return Number(top - floor)
  }

  return {
    ...{ anvil, name, market, feed, custom, fills, mine },
    async work(random) {
      if ((await tip()) > MOST_BLOCKS) return
      await nudged(something(random))
      await tip()
    },
    async reorganise(random) {
      const most = await deepest()
      const top = await client.getBlockNumber()
      // One that does not grow any more must not shrink: no chain is lower for long.
      if (most < 1 || top > MOST_BLOCKS) return
      // Most are shallow, as on real chains; some go as deep as they may.
      const depth = 1 + random.integer(random.chance(0.7) ? Math.min(4, most) : most)
      const dice = random.next()
      const snapshot = snapshots.findLast(({ block }) => block >= floor && block < top)
      const { hash } = await client.getBlock({ blockNumber: top })
      // Anvil gives some of what was dropped back to its pool, where it may wait for ever.
      const dropped = () => rpc(url, 'anvil_dropAllTransactions', [])
      if (dice < 0.35) {
        forgetAbove(top - BigInt(depth))
        await rpc(url, 'anvil_reorg', [depth, []])
        await dropped()
      } else if (dice < 0.55 && snapshot !== undefined) {
        forgetAbove(snapshot.block - 1n)
        await rpc(url, 'evm_revert', [snapshot.id])
        await dropped()
        // As high as before at once, or a chain that is shorter for a while.
        if (random.chance(0.5)) await mine(Number(top - snapshot.block) + 1)
      } else {
        forgetAbove(top - BigInt(depth))
        await rpc(url, 'anvil_rollback', [depth])
        await dropped()
        // Another time makes other blocks of the same transactions.
        if (random.chance(0.7)) await client.increaseTime({ seconds: 1 + random.integer(5) })
        if (random.chance(0.6)) await nudged(swap(random).then(() => {}))
        if (random.chance(0.6)) await mine(depth + 1)
      }
      // The same blocks mined once more are none.
      const now = await client.getBlock({ blockNumber: top }).catch(() => null)
      if (now?.hash !== hash) reorganisations++
    },
    settle: async () => mine(Number(peak - (await tip())) + CONFIRMATIONS + 2),
    reorganisations: () => reorganisations,
    stop: () => anvil.stop(),
  }
}

export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
