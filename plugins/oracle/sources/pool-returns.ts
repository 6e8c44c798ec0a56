import type { Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { PoolConfig } from '../config.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { logReturns } from './log-returns.ts'

/** Length of the indexer's price bars. */
export const BAR_SECONDS = 10

/** Closes are integers: below this, rounding alone would move them by more than 10 millionths. */
const MIN_CLOSE = 100_000n

export interface PoolHistory {
  readonly returns: Float32Array
  /** Bars of the window in which the pool traded. */
  readonly tradedBars: number
}

/**
 * Log returns of a pool's base token over `window` bars up to `end` (Unix seconds, multiple of the bar).
 * @throws OracleError `ORACLE_NO_DATA` (retry), IndexError
 */
export async function poolReturns(
  index: IndexReader,
  pool: PoolConfig,
  { pin, end, window }: { pin: Pin; end: number; window: number },
): Promise<PoolHistory> {
  const first = BigInt(end - (window + 1) * BAR_SECONDS)
  const ofPool = [
    { column: 'chainId', op: '=', value: pool.chainId },
    { column: 'pool', op: '=', value: pool.address.toLowerCase() as Hex },
  ] as const
  const complete = { chainId: pool.chainId, block: pin.number }
  const [inside, before] = await Promise.all([
    index.select({
      table: 'poolBar',
      where: [
        ...ofPool,
        { column: 'start', op: '>', value: first },
        { column: 'start', op: '<', value: BigInt(end) },
      ],
      orderBy: [{ column: 'start', direction: 'asc' }],
      limit: window,
      complete,
    }),
    index.select({
      table: 'poolBar',
      where: [...ofPool, { column: 'start', op: '<=', value: first }],
      orderBy: [{ column: 'start', direction: 'desc' }],
      limit: 1,
      complete,
    }),
  ])
  const bars = [...before, ...inside]
  if (bars.some((bar) => bar.close < MIN_CLOSE))
    throw noData(pool, 'has a price too small for its bars: their rounding would look like movement')
  const returns = logReturns(
    bars.map((bar) => ({ start: Number(bar.start), close: bar.close })),
    end,
    { window, barSeconds: BAR_SECONDS, invert: pool.base === 'token1' },
  )
  if (returns === null) throw noData(pool, `has less than ${window * BAR_SECONDS} s of history`)
  return { returns, tradedBars: inside.length }
}

const noData = (pool: PoolConfig, what: string): OracleError =>
  new OracleError(
    'ORACLE_NO_DATA',
    `pool ${pool.address} on chain ${pool.chainId} ${what}`,
    { chainId: pool.chainId, pool: pool.address },
    { retry: true },
  )
