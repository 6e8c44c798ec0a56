import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Anvil, startAnvil, startPostgres } from '../../../test/adapters/ponder/fixture.ts'
import type { Figure } from '../figure.ts'
import { bareBackfill, ownBackfill } from './backfill.ts'
import { contractOf, figure } from './figures.ts'
import { floorSeconds } from './floor.ts'
import { type History, poolsHistory, tokenHistory } from './history.ts'
import { liveBenchmarks } from './live.ts'

/** By the figures' names: what the chain holds before anything follows it. */
const histories: Readonly<Record<string, (anvil: Anvil) => Promise<History>>> = {
  // As a token of a busy chain: the requests for its blocks are what takes the time.
  'index.erc20': (anvil) => tokenHistory(anvil, 100_000, 20),
  // All of it in 200 blocks: what takes the time is decoding and writing.
  'index.dense': (anvil) => tokenHistory(anvil, 100_000, 500),
  'index.pools': (anvil) => poolsHistory(anvil, 50, 3_000),
}

/**
 * The index: backfills of a token's transfers, spread and dense, and of the pools of a factory; and how long a block takes
 * to the API.
 */
export async function* indexBenchmarks(wanted: (prefix: string) => boolean): AsyncIterable<Figure> {
  for (const [name, make] of Object.entries(histories)) if (wanted(name)) yield* await backfills(name, make)
  if (wanted('index.live')) yield* await liveBenchmarks()
}

/** One run of each on one chain: they take minutes, and differ by factors. */
async function backfills(name: string, make: (anvil: Anvil) => Promise<History>): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'iyi-bench-index-'))
  const [postgres, anvil] = await Promise.all([startPostgres(), startAnvil(31_337)])
  try {
    const history = await make(anvil)
    const given = { anvil, history, databaseUrl: postgres.url, directory }
    const floor = await floorSeconds(anvil, history, postgres.url)
    const own = await ownBackfill(given, contractOf(history.source, anvil.chainId, 'token'))
    const bare = await bareBackfill(given)
    const rate = (seconds: number) => history.events / seconds
    const against = { baseline: 'bare Ponder, default settings', unit: 'events/s' }
    return [
      figure(`${name}.events_per_s`, rate(own.seconds), {
        ...against,
        baselineValue: rate(bare.seconds),
      }),
      figure(`${name}.vs_floor`, own.seconds, {
        ...{ unit: 's', baseline: 'getLogs and COPY alone', baselineValue: floor },
      }),
      figure(`${name}.vs_default_ponder`, own.seconds, {
        ...{ unit: 's', baseline: 'bare Ponder, default settings', baselineValue: bare.seconds },
      }),
      figure(`${name}.peak_mib`, own.peakMiB, {
        ...{ unit: 'MiB', baseline: 'bare Ponder, default settings', baselineValue: bare.peakMiB },
      }),
    ]
  } finally {
    await Promise.all([anvil.stop(), postgres.stop()])
    rmSync(directory, { recursive: true, force: true })
  }
}
