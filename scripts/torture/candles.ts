import type { Pool } from 'pg'
import { until } from '../../test/adapters/ponder/fixture.ts'
import { naiveCandles, storedCandles } from '../../test/adapters/postgres/series-naive.ts'
import type { TortureChain } from './chain.ts'
import { Difference, differing } from './difference.ts'
import { TOLD } from './names.ts'
import { type FollowedHere, trueTrades } from './truth.ts'

const SERIES_MS = 60_000

/**
 * Holds the candles of every width against those that the chains' own logs make, which are quiet: once the series had a
 * while to get there. Resolves with how many there are.
 */
export async function candlesAgree(
  { pool, schema }: { readonly pool: Pool; readonly schema: string },
  chains: readonly TortureChain[],
  followed?: FollowedHere,
): Promise<number> {
  const trades = (await Promise.all(chains.map((chain) => trueTrades(chain, followed)))).flat()
  const wanted = lines(
    naiveCandles(
      trades,
      chains.map(({ fills }) => fills),
    ),
  )
  const read = async (sql: string) => (await pool.query<Record<string, unknown>>(sql)).rows
  let found: readonly string[] | null = null
  let count = 0
  const agree = async () => {
    const stored = lines(await storedCandles(read, { schema }))
    count = stored.length
    found = differing({ name: 'series', rows: stored }, { name: 'chain', rows: wanted })
    return found === null
  }
  await until('the series', SERIES_MS, agree).catch((error: unknown) => {
    throw found === null
      ? error
      : new Difference('series', `they have ${count} candles, the chain makes ${wanted.length}`, found)
  })
  const told = followed?.tokens?.includes(TOLD) !== false
  if (told && !wanted.some((line) => chains.some(({ fills: { id } }) => line.startsWith(`${id} `))))
    throw new Difference('storm', 'it was none: no trade of the token that is told of')
  return count
}

const lines = (candles: ReadonlyMap<string, string>) => [...candles].map(([key, said]) => `${key}: ${said}`)
