import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAnvil, startPostgres } from '../../../test/adapters/ponder/fixture.ts'
import type { Figure } from '../figure.ts'
import { bareBackfill, ownBackfill } from './backfill.ts'
import { figure, tokenContract } from './figures.ts'
import { floorSeconds } from './floor.ts'
import { makeHistory } from './history.ts'
import { liveBenchmarks } from './live.ts'

const EVENTS = 100_000

/** The index: a backfill of an ERC-20 token's transfers, and how long a block takes to the API. */
export async function* indexBenchmarks(wanted: (prefix: string) => boolean): AsyncIterable<Figure> {
  if (wanted('index.erc20')) yield* await erc20()
  if (wanted('index.live')) yield* await liveBenchmarks()
}

/** One run of each on one chain: they take minutes, and differ by factors. */
async function erc20(): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'iyi-bench-index-'))
  const [postgres, anvil] = await Promise.all([startPostgres(), startAnvil(31_337)])
  try {
    const history = await makeHistory(anvil, EVENTS)
    const given = { anvil, history, databaseUrl: postgres.url, directory }
    const floor = await floorSeconds(anvil, history, postgres.url)
    const own = await ownBackfill(given, tokenContract(history.token, anvil.chainId, 'token'))
    const bare = await bareBackfill(given)
    const rate = (seconds: number) => history.events / seconds
    const against = { baseline: 'bare Ponder, default settings', unit: 'events/s' }
    return [
      figure('index.erc20.events_per_s', rate(own.seconds), {
        ...against,
        baselineValue: rate(bare.seconds),
      }),
      figure('index.erc20.vs_floor', own.seconds, {
        ...{ unit: 's', baseline: 'getLogs and COPY alone', baselineValue: floor },
      }),
      figure('index.erc20.vs_default_ponder', own.seconds, {
        ...{ unit: 's', baseline: 'bare Ponder, default settings', baselineValue: bare.seconds },
      }),
      figure('index.erc20.peak_mib', own.peakMiB, {
        ...{ unit: 'MiB', baseline: 'bare Ponder, default settings', baselineValue: bare.peakMiB },
      }),
    ]
  } finally {
    await Promise.all([anvil.stop(), postgres.stop()])
    rmSync(directory, { recursive: true, force: true })
  }
}
