import fc from 'fast-check'
import { zeroHash } from 'viem'
import { describe, expect, test } from 'vitest'
import type { FeedQuery } from '../../../plugins/oracle/feed-types.ts'
import {
  liquidityWeightedPrice,
  type PoolReserves,
} from '../../../plugins/oracle/sources/liquidity-weighted-price.ts'
import { type PoolPriceConfig, poolPriceSource } from '../../../plugins/oracle/sources/pool-price.ts'
import { AWAY, feedConfig, HOME, ORIGIN, POOL_AWAY, POOL_HOME, pin, readIndex, syncRow } from './kit.ts'

const options = { decimals: 8, maxDivergencePpm: 100_000 }
const pool = (base: bigint, quote: bigint, baseDecimals = 18, quoteDecimals = 6): PoolReserves => ({
  base: base * 10n ** BigInt(baseDecimals),
  quote: quote * 10n ** BigInt(quoteDecimals),
  baseDecimals,
  quoteDecimals,
})

describe('liquidityWeightedPrice', () => {
  const decimals = fc.constantFrom(0, 6, 8, 18, 36)
  const reserve = fc.bigInt({ min: 1n, max: 2n ** 112n - 1n })
  const anyPool = fc.record({
    base: reserve,
    quote: reserve,
    baseDecimals: decimals,
    quoteDecimals: decimals,
  })

  /** price <= quote / base < price + 1, without a division. */
  function expectFloor(price: bigint | null, quote: bigint, base: bigint): void {
    expect(price).not.toBeNull()
    if (price === null) return
    expect(price * base <= quote).toBe(true)
    expect((price + 1n) * base > quote).toBe(true)
  }

  test('equals exact rational arithmetic for a pool of any decimals', () => {
    fc.assert(
      fc.property(anyPool, fc.constantFrom(0, 8, 18), (only, digits) => {
        const quote = only.quote * 10n ** BigInt(only.baseDecimals + digits)
        const base = only.base * 10n ** BigInt(only.quoteDecimals)
        expectFloor(liquidityWeightedPrice([only], { ...options, decimals: digits }), quote, base)
      }),
      { numRuns: 200 },
    )
  })

  test('equals exact rational arithmetic for pools of different decimals, rounded down once', () => {
    const depths = fc.bigInt({ min: 10n ** 9n, max: 10n ** 20n })
    const near = fc.record({
      depth: depths,
      permille: fc.bigInt({ min: -40n, max: 40n }),
      b: decimals,
      q: decimals,
    })
    fc.assert(
      fc.property(fc.array(near, { minLength: 1, maxLength: 6 }), (list) => {
        const pools = list.map(({ depth, permille, b, q }) => ({
          base: depth * 10n ** BigInt(b),
          quote: ((depth * (1_000n + permille)) / 1_000n) * 10n ** BigInt(q),
          baseDecimals: b,
          quoteDecimals: q,
        }))
        const quote = pools.reduce((sum, p) => sum + p.quote / 10n ** BigInt(p.quoteDecimals), 0n)
        const base = pools.reduce((sum, p) => sum + p.base / 10n ** BigInt(p.baseDecimals), 0n)
        expectFloor(liquidityWeightedPrice(pools, options), quote * 10n ** 8n, base)
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    [18, 6],
    [6, 18],
    [6, 6],
    [36, 6],
    [0, 36],
    [36, 36],
  ])('base with %i and quote with %i decimals', (base, quote) => {
    expect(liquidityWeightedPrice([pool(1_000n, 2_500n, base, quote)], options)).toBe(250_000_000n)
    expect(liquidityWeightedPrice([pool(3n, 1n, base, quote)], options)).toBe(33_333_333n)
  })

  test('pools with mixed decimals weigh by depth', () => {
    const deep = pool(9_000n, 9_000n, 18, 6)
    const thin = pool(1_000n, 1_050n, 6, 18)
    expect(liquidityWeightedPrice([deep, thin], options)).toBe(100_500_000n)
    expect(liquidityWeightedPrice([thin, deep], options)).toBe(100_500_000n)
  })

  test('nothing, or empty pools only', () => {
    expect(liquidityWeightedPrice([], options)).toBeNull()
    expect(liquidityWeightedPrice([pool(0n, 5n), pool(5n, 0n), pool(0n, 0n)], options)).toBeNull()
    expect(liquidityWeightedPrice([pool(0n, 5n), pool(2n, 4n)], options)).toBe(200_000_000n)
  })

  test('a thin pool pushed anywhere, either way, does not move the price at all', () => {
    const deep = [pool(1_000_000n, 1_000_000n), pool(800_000n, 801_000n)]
    const honest = liquidityWeightedPrice(deep, options)
    // k = 10^10 against 10^12: an attacker put in a hundred thousand, or ten million.
    for (const [base, quote] of [
      [1_000n, 10_000_000n],
      [10_000_000n, 1_000n],
      [10n, 1_000_000_000n],
    ] as const)
      expect(liquidityWeightedPrice([...deep, pool(base, quote)], options)).toBe(honest)
  })

  test('within the divergence a pool moves the price by no more than its share', () => {
    const price = liquidityWeightedPrice([pool(1_000_000n, 1_000_000n), pool(1_000n, 1_099n)], options)
    expect(price).toBe(100_009_890n)
  })

  test('pools that disagree without a majority give no price', () => {
    const equal = [pool(1_000n, 1_000n), pool(500n, 2_000n)]
    expect(liquidityWeightedPrice(equal, options)).toBeNull()
    const three = [pool(1_000n, 1_000n), pool(500n, 2_000n), pool(2_000n, 500n)]
    expect(liquidityWeightedPrice(three, options)).toBeNull()
    expect(liquidityWeightedPrice([...equal, pool(200n, 200n)], options)).toBe(100_000_000n)
  })
})

describe('poolPriceSource', () => {
  const source = feedConfig().source as PoolPriceConfig
  const query = { pins: [pin(10), pin(20, { chainId: AWAY })] }

  function setUp(changes: Partial<PoolPriceConfig> = {}) {
    const index = readIndex()
    const { observe } = poolPriceSource({ source: { ...source, ...changes }, decimals: 8 }, { index })
    return { index, observe: (query: FeedQuery) => observe(query, zeroHash) }
  }
  const home = (blockNumber: bigint, reserve1: bigint, logIndex = 0) =>
    syncRow({ blockNumber, reserve1, logIndex })
  const away = (blockNumber: bigint, reserve0: bigint) =>
    syncRow({ chainId: AWAY, pool: POOL_AWAY, blockNumber, reserve0, reserve1: 10n ** 21n })

  test('reads the last reserves up to each pin, the base on either side', async () => {
    const { index, observe } = setUp()
    index.add(
      'poolSync',
      home(9n, 1n),
      home(10n, 1_990_000_000n),
      home(10n, 2_000_000_000n, 3),
      home(11n, 9n),
    )
    index.add('poolSync', away(20n, 2_100_000_000n), away(21n, 9n))
    index.add('poolSync', syncRow({ pool: POOL_AWAY, blockNumber: 10n, logIndex: 9, reserve0: 1n }))
    await expect(observe(query)).resolves.toBe(205_000_000n)
  })

  test('an empty or unknown pool is left out; with none left there is no observation', async () => {
    const { index, observe } = setUp()
    index.add('poolSync', home(9n, 2_000_000_000n), away(5n, 0n))
    await expect(observe(query)).resolves.toBe(200_000_000n)
    index.add('poolSync', home(10n, 0n))
    await expect(observe(query)).rejects.toMatchObject({ code: 'ORACLE_NO_DATA', retry: true })
  })

  test('a chain that stands still is left out', async () => {
    const { index, observe } = setUp({ maxChainLagSeconds: 100 })
    index.add('poolSync', home(9n, 2_000_000_000n), away(5n, 2_100_000_000n))
    const lag = (seconds: number) => ({
      pins: [pin(10), pin(20, { chainId: AWAY, timestamp: ORIGIN + 100 - seconds })],
    })
    await expect(observe(lag(100))).resolves.toBe(205_000_000n)
    await expect(observe(lag(101))).resolves.toBe(200_000_000n)
  })

  test('asks for rows that are complete up to the pin', async () => {
    const asked: unknown[] = []
    const index = readIndex()
    index.add('poolSync', home(9n, 2_000_000_000n))
    const spy = {
      ...index,
      select: ((request) => {
        asked.push(request.complete)
        return index.select(request)
      }) as typeof index.select,
    }
    await poolPriceSource({ source, decimals: 8 }, { index: spy }).observe(query, zeroHash)
    expect(asked).toEqual([
      { chainId: HOME, block: 10n },
      { chainId: AWAY, block: 20n },
    ])
    expect(POOL_HOME).toBe(source.pools[0]?.address.toLowerCase())
  })
})
