import { decodeFunctionResult, encodeFunctionData, getAddress } from 'viem'
import { constantProductPoolAbi } from '../../../contracts/abi/ConstantProductPool.ts'
import { poolTraderAbi } from '../../../contracts/abi/PoolTrader.ts'
import type { Address, Hex } from '../../ports/chain.ts'
import type { AnvilChain } from '../anvil.ts'
import type { Market } from './process.ts'
import { tradeTowards } from './trade.ts'

/** A pool to trade in. */
export interface Venue {
  readonly chain: AnvilChain
  readonly pool: Address
  readonly trader: Address
  /** Any account of the chain that needs no signature. */
  readonly account: Address
  /** Whether token0 is what the market prices. */
  readonly base: 'token0' | 'token1'
  /** Start price in token1 per token0 of base units, 18 decimals. */
  readonly startPrice: bigint
}

const RELATIVE = 1_000_000_000

/** Trades in every venue along one path of the market. */
export interface Simulator {
  /** Writes `bars` blocks of `barSeconds` up to `until` (Unix seconds), each with one trade a venue. */
  writeHistory(options: { bars: number; barSeconds: number; until: number }): Promise<void>
  /** One trade a second in every venue, from now on. */
  start(): void
  /** Resolves once no trade is under way. */
  stop(): Promise<void>
}

/** @param modules.onError told of a trade that failed: the next second tries again */
export function simulator(
  options: { venues: readonly Venue[]; market: Market },
  modules: { onError: (error: unknown) => void },
): Simulator {
  const { venues, market } = options
  let timer: NodeJS.Timeout | undefined
  let underWay: Promise<void> = Promise.resolve()

  async function trade(venue: Venue, relative: number): Promise<void> {
    const { chain, pool, trader, account } = venue
    const data = await chain.rpc<Hex>('eth_call', [
      { to: pool, data: encodeFunctionData({ abi: constantProductPoolAbi, functionName: 'getReserves' }) },
      'latest',
    ])
    const [reserve0, reserve1] = decodeFunctionResult({
      abi: constantProductPoolAbi,
      functionName: 'getReserves',
      data,
    })
    const factor = BigInt(Math.round((venue.base === 'token0' ? relative : 1 / relative) * RELATIVE))
    const target = (venue.startPrice * factor) / BigInt(RELATIVE)
    const { zeroForOne, amountIn } = tradeTowards({ reserve0, reserve1 }, target)
    await chain.rpc('eth_sendTransaction', [
      {
        from: account,
        to: trader,
        gas: '0x7a120',
        data: encodeFunctionData({
          abi: poolTraderAbi,
          functionName: 'trade',
          args: [pool, zeroForOne, amountIn],
        }),
      },
    ])
  }

  return {
    async writeHistory({ bars, barSeconds, until }) {
      const path = Array.from({ length: bars }, () => market.step(barSeconds))
      await Promise.all(
        venues.map(async (venue, at) => {
          for (const [bar, prices] of path.entries()) {
            await venue.chain.rpc('evm_setNextBlockTimestamp', [until - (bars - bar) * barSeconds])
            await trade(venue, prices[at] ?? 1)
          }
        }),
      )
    },
    start() {
      timer = setInterval(() => {
        const prices = market.step(1)
        const round = Promise.all(venues.map((venue, at) => trade(venue, prices[at] ?? 1)))
        underWay = round.then(
          () => {},
          (error) => modules.onError(error),
        )
      }, 1000)
    },
    async stop() {
      clearInterval(timer)
      await underWay
    },
  }
}

/** The account that Anvil unlocks second: trading does not disturb the deployer's nonces. */
export async function traderAccount(chain: AnvilChain): Promise<Address> {
  const [, second] = await chain.rpc<Address[]>('eth_accounts')
  if (second === undefined) throw new TypeError('Anvil was started with fewer than two accounts')
  return getAddress(second)
}
