import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import { eventLog } from '../../../node/adapters/postgres/event-log.ts'
import { publicReads } from '../../../node/adapters/postgres/public-reads.ts'
import { type SeriesEngine, seriesEngine } from '../../../node/adapters/postgres/series-engine.ts'
import { seriesReader } from '../../../node/adapters/postgres/series-reader.ts'
import type { CandleInterval } from '../../../node/ports/series.ts'
import type { FillSource, SeriesRetention } from '../../../node/ports/series-source.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { chain, eventRow } from './chain-events.ts'
import { type ChainWorld, chainWorld } from './chain-world.ts'
import { noMetrics, recordingLog, type TestPostgres, testPostgres, until } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const E18 = 10n ** 18n
const POOL = `pool-1-0x${'ab'.repeat(20)}`
const forEver: SeriesRetention = {
  ...{ trades: null, '1s': null, '10s': null, '1m': null, '5m': null, '15m': null, '1h': null },
  ...{ '4h': null, '1d': null },
}

let postgres: TestPostgres
const parts: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  postgres = await testPostgres()
})
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part.stop()
})
afterAll(() => postgres.dispose())

/** Block n trades 1 for n, at second n. */
function world(ids: readonly number[] = [1]): ChainWorld {
  return chainWorld(
    ids.map((id) => chain(id, 2)),
    (name, block) =>
      name === 'pool.Swap'
        ? { amount0In: '1', amount1In: '0', amount0Out: '0', amount1Out: block.toString() }
        : { sold: block.toString(), paid: '12' },
  )
}

async function start(
  database: Database,
  { index, chains }: ChainWorld,
  sources: readonly FillSource[] = [],
  retention: SeriesRetention = forEver,
): Promise<{ engine: SeriesEngine; stop: () => Promise<void> }> {
  const modules = { clock: systemClock, log: recordingLog(), metrics: noMetrics, database }
  const events = eventLog(
    { pollMs: 5, requestPollMs: 5, batch: 3 },
    { index, chains, halts: chainHalts(modules), ...modules },
  )
  await events.start()
  const engine = seriesEngine(
    { chains: chains.chains(), sources, retention, pollMs: 5, pruneMs: 50, batch: 7 },
    { events, ...modules },
  )
  engine.start()
  const stop = async () => {
    await engine.stop()
    await events.stop()
  }
  parts.push({ stop })
  return { engine, stop }
}

const mine = (of: ChainWorld, count: number) => {
  for (let at = 0; at < count; at++) of.mine(1, 'pool.Sync', 'pool.Swap')
}

describe('the series of a chain', () => {
  it('are its pools, with candles that say which are final, through a reorganisation', async () => {
    const database = await postgres.database('pools')
    const series = seriesReader({ database })
    const chains = world()
    mine(chains, 30)
    chains.finalize(1, 20n)
    await start(database, chains)
    await until(async () => (await series.knownUntil(1)) === 30)
    expect(await series.list()).toEqual([
      { id: POOL, chainId: 1, address: `0x${'ab'.repeat(20)}`, source: 'pool' },
    ])
    const candles = async (interval: CandleInterval, more: object = {}) =>
      (await series.candles({ series: POOL, interval, limit: 1_000, ...more })).candles
    expect(await candles('10s')).toEqual([
      {
        ...{ start: 30, open: 30n * E18, high: 30n * E18, low: 30n * E18, close: 30n * E18 },
        ...{ volumeBase: 1n, volumeQuote: 30n, trades: 1, final: false },
      },
      {
        ...{ start: 20, open: 20n * E18, high: 29n * E18, low: 20n * E18, close: 29n * E18 },
        ...{ volumeBase: 10n, volumeQuote: 245n, trades: 10, final: false },
      },
      expect.objectContaining({ start: 10, volumeQuote: 145n, final: true }),
      expect.objectContaining({ start: 0, trades: 9, open: E18, final: true }),
    ])
    expect((await candles('1s', { from: 5, to: 9, limit: 2 })).map(({ start }) => start)).toEqual([8, 7])

    chains.reorg(1, 5, ['pool.Swap'], [], ['pool.Swap'])
    await until(async () => (await series.knownUntil(1)) === 28)
    await until(async () => (await candles('10s'))[0]?.trades === 8)
    expect(await candles('10s')).toMatchObject([{ start: 20, close: 28n * E18, trades: 8 }, {}, {}])
    chains.finalize(1, 28n)
    chains.mine(1)
    await until(
      async () => (await candles('1s', { limit: 2 })).map(({ final }) => final).join() === 'false,true',
    )
  })

  it('have rolling windows', async () => {
    const database = await postgres.database('windows')
    const series = seriesReader({ database })
    const chains = world()
    mine(chains, 30)
    await start(database, chains)
    await until(async () => (await series.knownUntil(1)) === 30)
    expect(await series.rolling({ series: POOL, windowSeconds: 3 })).toEqual({
      ...{
        from: 28,
        until: 30,
        of: '1s',
        open: 28n * E18,
        high: 30n * E18,
        low: 28n * E18,
        close: 30n * E18,
      },
      ...{ vwap: 29n * E18, volumeBase: 3n, volumeQuote: 87n, trades: 3 },
      // Of ln(29 / 28) and ln(30 / 29).
      deviation: expect.closeTo((Math.log(29 / 28) - Math.log(30 / 29)) / Math.SQRT2, 12),
    })
    expect(await series.rolling({ series: POOL, windowSeconds: 2, until: 10 })).toMatchObject({
      ...{ from: 9, until: 10, trades: 2, deviation: null },
    })
    expect(await series.rolling({ series: POOL, windowSeconds: 60, until: 1_000 })).toMatchObject({
      ...{ trades: 0, open: null, vwap: null, volumeBase: 0n },
    })
  })

  it('refuse what is not there', async () => {
    const series = seriesReader({ database: await postgres.database('windows') })
    const limit = 1
    await expect(series.candles({ series: 'x', interval: '1s', limit })).rejects.toMatchObject({
      code: 'SERIES_UNKNOWN',
    })
    for (const query of [{ limit: 0 }, { limit: 1_001 }, { from: -1 }, { interval: '2s' as '1s' }])
      await expect(series.candles({ series: POOL, interval: '1s', limit, ...query })).rejects.toMatchObject({
        code: 'SERIES_BAD_QUERY',
      })
    for (const windowSeconds of [0, 1.5, 3_601 * 86_400])
      await expect(series.rolling({ series: POOL, windowSeconds })).rejects.toMatchObject({
        code: 'SERIES_BAD_QUERY',
      })
  })

  it('that an operator adds later are made from the beginning, beside the others', async () => {
    const database = await postgres.database('later')
    const series = seriesReader({ database })
    const chains = world()
    for (let at = 0; at < 20; at++) chains.mine(1, 'custom.book.Filled', 'pool.Swap')
    const first = await start(database, chains)
    await until(async () => (await series.knownUntil(1)) === 20)
    await first.stop()
    const book: FillSource = {
      ...{
        id: 'book',
        chainId: 1,
        contracts: { addresses: [`0x${'ab'.repeat(20)}`] },
        event: 'custom.book.Filled',
      },
      fields: { base: 'sold', quote: 'paid' },
    }
    const day = async () => (await series.candles({ series: 'book', interval: '1d', limit: 1 })).candles[0]
    const second = await start(database, chains, [book])
    await until(() =>
      day().then(
        (candle) => candle?.trades === 20,
        () => false,
      ),
    )
    expect(await day()).toMatchObject({ volumeBase: 210n, open: 12n * E18, close: (12n * E18) / 20n })
    chains.mine(1, 'custom.book.Filled')
    await until(async () => (await day())?.trades === 21)
    await second.stop()
    // The other way round: one that is configured no more is gone, with its rows.
    await start(database, chains)
    await until(async () => (await series.list()).length === 1)
    await until(async () => (await database.query('select from series')).length === 1)
    await expect(day()).rejects.toMatchObject({ code: 'SERIES_UNKNOWN' })
  })

  it('of a pool that another build of the index follows are not there before all of its history is', async () => {
    const database = await postgres.database('another_build')
    const series = seriesReader({ database })
    const chains = world()
    chains.index.setEdition('one')
    mine(chains, 40)
    chains.finalize(1)
    await start(database, chains)
    await until(async () => (await series.knownUntil(1)) === 40)
    const address = `0x${'cd'.repeat(20)}` as const
    for (let block = 1; block <= 40; block++)
      chains.index.add('event', {
        ...eventRow({ chainId: 1, block: BigInt(block), logIndex: 9 }, 'pool.Swap', {
          ...{ amount0In: '1', amount1In: '0', amount0Out: '0', amount1Out: '1' },
        }),
        address,
      })
    chains.index.setEdition('two')
    const counts: (number | string)[] = []
    await until(async () => {
      const found = await series.candles({ series: `pool-1-${address}`, interval: '1d', limit: 1 }).then(
        ({ candles }) => candles[0]?.trades ?? 0,
        ({ code }) => String(code),
      )
      if (found !== counts.at(-1)) counts.push(found)
      return found === 40
    })
    expect(counts.filter((each) => typeof each === 'number')).toEqual([40])
    expect(await series.knownUntil(1)).toBe(40)
  })

  it('name the chain that keeps the old candles of all', async () => {
    const database = await postgres.database('held_up')
    const chains = world([1, 2])
    mine(chains, 3)
    chains.mine(2, 'pool.Swap')
    const { engine } = await start(database, chains, [], { ...forEver, trades: 100, '1s': 50 })
    const series = seriesReader({ database })
    await until(async () => (await series.knownUntil(1)) === 3 && (await series.knownUntil(2)) === 1)
    await database.query('update series_lane set final_time = 50_000 where chain_id = 2')
    await database.query('update series_lane set final_time = 3 where chain_id = 1')
    await until(() => engine.health().status === 'degraded')
    expect(engine.health()).toMatchObject({ reason: expect.stringContaining('13 h behind') })
    await database.query('update series_lane set final_time = 49_990 where chain_id = 1')
    await until(() => engine.health().status === 'ok')
  })

  it('are read over connections of their own, page by page, and not for long', async () => {
    const database = await postgres.database('held_up')
    const reads = publicReads(database)
    parts.push({ stop: () => reads.close() })
    const reader = seriesReader({ database: reads })
    expect((await reader.list({ after: '', limit: 1 })).map(({ id }) => id)).toEqual([POOL])
    expect((await reader.list({ after: POOL, limit: 5 })).map(({ chainId }) => chainId)).toEqual([2])
    await expect(reads.query('select pg_sleep(20)')).rejects.toMatchObject({
      ...{ code: 'DATABASE_UNAVAILABLE', retry: true },
    })
    await expect(reads.query('delete from series')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  })

  it('say that they stand still while the database is away, and go on by themselves', async () => {
    const database = await postgres.database('away')
    const series = seriesReader({ database })
    const chains = world()
    mine(chains, 3)
    const { engine } = await start(database, chains)
    await until(async () => (await series.knownUntil(1)) === 3)
    expect(engine.health()).toEqual({ status: 'ok' })
    await postgres.server.stop()
    await until(() => engine.health().status === 'degraded')
    await expect(series.list()).rejects.toMatchObject({ code: 'SERIES_UNAVAILABLE', retry: true })
    mine(chains, 3)
    await postgres.restart()
    await until(
      () =>
        series.knownUntil(1).then(
          (known) => known === 6,
          () => false,
        ),
      30_000,
    )
    await until(() => engine.health().status === 'ok')
    expect(await series.candles({ series: POOL, interval: '1d', limit: 1 })).toMatchObject({
      ...{ candles: [{ trades: 6 }], knownUntil: 6 },
    })
  })
})
