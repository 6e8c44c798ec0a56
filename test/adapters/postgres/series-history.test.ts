import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import { readPosition, writePosition } from '../../../node/adapters/postgres/event-position.ts'
import { SeriesChain } from '../../../node/adapters/postgres/series-chain.ts'
import { listPartitions, Partitions } from '../../../node/adapters/postgres/series-partitions.ts'
import { seriesReader } from '../../../node/adapters/postgres/series-reader.ts'
import type { Address } from '../../../node/ports/chain.ts'
import type { FillSource, SeriesRetention } from '../../../node/ports/series-source.ts'
import { hash } from './chain-events.ts'
import { recordingLog, type TestPostgres, testPostgres } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const DAY = 86_400
const A: Address = `0x${'a1'.repeat(20)}`
const B: Address = `0x${'b2'.repeat(20)}`

const forEver: SeriesRetention = {
  ...{ trades: null, '1s': null, '10s': null, '1m': null, '5m': null, '15m': null, '1h': null },
  ...{ '4h': null, '1d': null },
}
const usual: SeriesRetention = {
  ...{ trades: 7 * DAY, '1s': 2 * DAY, '10s': 7 * DAY, '1m': 30 * DAY, '5m': 90 * DAY },
  ...{ '15m': 365 * DAY, '1h': 5 * 365 * DAY, '4h': null, '1d': null },
}

let postgres: TestPostgres

beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

interface Told {
  readonly block: number
  readonly time: number
  readonly address: Address
  readonly name?: string
}

/** Events that are final at once, each trading 1 for 1, in the order that the log hears of them. */
async function tell(database: Database, events: readonly Told[]): Promise<void> {
  const position = await readPosition(database, 1)
  const height = events.reduce(
    (most, { block }) => (BigInt(block) > most ? BigInt(block) : most),
    position.copied,
  )
  await writePosition(database, 1, {
    from: position,
    to: { ...position, copied: height, confirmed: height, final: height },
    reverted: [],
    added: events.map(({ block, time, address, name = 'pool.Swap' }) => ({
      id: `1-${block}-${address}`,
      ...{ chainId: 1, blockNumber: BigInt(block), blockHash: hash(block, ''), logIndex: 0 },
      transactionHash: hash(BigInt(block), 'f'),
      ...{ timestamp: BigInt(time), address, name },
      data:
        name === 'pool.Swap'
          ? { amount0In: '1', amount1In: '0', amount0Out: '0', amount1Out: '1' }
          : { sold: '1', paid: '1' },
    })),
  })
}

interface Reached {
  copied: number | null
  final: number | null
  rounds: number | null
}

function chainOf(
  database: Database,
  options: { retention?: SeriesRetention; sources?: readonly FillSource[]; reached?: Reached } = {},
) {
  const { retention = forEver, sources = [], reached = { copied: null, final: null, rounds: 0 } } = options
  const chain = new SeriesChain(
    { chainId: 1, batch: 5_000, sources, keep: { chains: [1], retention } },
    {
      ...{ database, partitions: new Partitions(), log: recordingLog(), onWritten: () => {} },
      times: () => ({ ...reached, revision: 1n }),
    },
  )
  return {
    pass: () => chain.pass(),
    catchUp: async () => {
      while (await chain.pass()) {}
    },
  }
}

const trades = async (database: Database, series: string) =>
  (await seriesReader({ database }).candles({ series, interval: '1d', limit: 1_000 })).candles.reduce(
    (sum, candle) => sum + candle.trades,
    0,
  )

describe('a thinly traded pool with a long history', () => {
  const quarterDays = Array.from({ length: 2_500 }, (_, at) => ({
    ...{ block: at + 1, time: 1_600_000_000 + at * (DAY / 4), address: A },
  }))

  it('gets no partitions that its retention would drop again at once', async () => {
    const database = await postgres.database('thin')
    await tell(database, quarterDays)
    await chainOf(database, { retention: usual }).catchUp()
    expect(await trades(database, `pool-1-${A}`)).toBe(2_500)
    expect((await listPartitions(database)).length).toBeLessThan(250)
  })

  it('gets those that are kept for ever a few hundred at a time', async () => {
    const database = await postgres.database('wide')
    await tell(database, quarterDays.slice(0, 200))
    await chainOf(database).catchUp()
    const made = await database.query(
      `select count(*) as n from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace
         and relname like 'series_%' group by xmin`,
    )
    expect(await trades(database, `pool-1-${A}`)).toBe(200)
    expect(made.reduce((sum, { n }) => sum + Number(n), 0)).toBeGreaterThan(300)
    for (const { n } of made) expect(Number(n)).toBeLessThanOrEqual(200)
  })
})

describe('the series of a contract', () => {
  const source = (addresses: readonly Address[]): FillSource => ({
    ...{ id: 'book', chainId: 1, contracts: { addresses }, event: 'custom.book.Filled' },
    fields: { base: 'sold', quote: 'paid' },
  })

  it('has no trades of the contract that was there before, under the same name', async () => {
    const database = await postgres.database('moved')
    const filled = (block: number, address: Address) => ({
      ...{ block, time: block, address, name: 'custom.book.Filled' },
    })
    await tell(database, [filled(1, A), filled(2, A), filled(3, A)])
    await chainOf(database, { sources: [source([A])] }).catchUp()
    expect(await trades(database, 'book')).toBe(3)
    await tell(database, [filled(4, B)])
    await chainOf(database, { sources: [source([B])] }).catchUp()
    expect(await trades(database, 'book')).toBe(1)
    await chainOf(database, { sources: [source([B, A])] }).catchUp()
    expect(await trades(database, 'book')).toBe(4)
    const last = `0x${'B2'.repeat(20)}` as Address
    await chainOf(database, { sources: [source([A, last])] }).catchUp()
    expect(await database.query('select from series')).toHaveLength(3)
  })
})

describe('a pool that is followed later', () => {
  it('has no candles before all of its history is in, and then none that change', async () => {
    const database = await postgres.database('late')
    const reader = seriesReader({ database })
    const reached: Reached = { copied: 1_000, final: 1_000, rounds: 0 }
    const chain = chainOf(database, { reached })
    const at = (time: number, address: Address) => ({ block: time, time, address })
    const read = (address: Address) =>
      reader.candles({ series: `pool-1-${address}`, interval: '1m', limit: 10 })
    await tell(database, [at(100, A), at(1_000, A)])
    await chain.catchUp()
    const before = await read(A)
    expect(before).toMatchObject({ candles: [{ final: false }, { final: true }] })

    // Another build's history comes page by page.
    Object.assign(reached, { copied: null, final: null, rounds: null })
    await tell(database, [at(10, B)])
    await chain.catchUp()
    await expect(read(B)).rejects.toMatchObject({ code: 'SERIES_UNAVAILABLE', retry: true })
    await tell(database, [at(20, B), at(500, B)])
    await chain.catchUp()
    await expect(read(B)).rejects.toMatchObject({ code: 'SERIES_UNAVAILABLE', retry: true })
    expect(await read(A)).toEqual(before)

    Object.assign(reached, { copied: 1_000, final: 1_000, rounds: 1 })
    await chain.catchUp()
    expect(await read(B)).toMatchObject({
      candles: [
        { start: 480, trades: 1, final: true },
        { start: 0, trades: 2, final: true },
      ],
    })
    // What it did in the newest seconds may come first.
    await tell(database, [at(1_010, `0x${'c3'.repeat(20)}`)])
    Object.assign(reached, { copied: 1_010 })
    await chain.catchUp()
    expect(await read(`0x${'c3'.repeat(20)}`)).toMatchObject({ candles: [{ trades: 1, final: false }] })
  })
})
