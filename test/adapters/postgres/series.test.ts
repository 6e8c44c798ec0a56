import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import { SeriesChain } from '../../../node/adapters/postgres/series-chain.ts'
import { Partitions } from '../../../node/adapters/postgres/series-partitions.ts'
import { pruneGone, prunePartitions } from '../../../node/adapters/postgres/series-prune.ts'
import type { FillSource, SeriesRetention } from '../../../node/ports/series-source.ts'
import { keptOf, loggedEvents, naiveCandles, storedCandles } from './series-naive.ts'
import { makers, type Numbers, numbers, SeriesWorld } from './series-world.ts'
import { recordingLog, type TestPostgres, testPostgres } from './support.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const DAY = 86_400
const START = 1_700_000_000

const retention: SeriesRetention = {
  ...{ trades: 1, '1s': 10, '10s': 60, '1m': 300, '5m': 900, '15m': 3_600 },
  ...{ '1h': 4 * 3_600, '4h': DAY, '1d': null },
}

const book: FillSource = {
  ...{ id: 'book', chainId: 1, contracts: { addresses: makers }, event: 'custom.book.Filled' },
  fields: { base: 'sold', quote: 'paid' },
}
const priced: FillSource = {
  ...{ id: 'priced', chainId: 1, contracts: { addresses: [makers[0]] }, event: 'custom.book.Filled' },
  fields: { base: 'sold', price: 'price', priceScale: 8 },
}

let postgres: TestPostgres

beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

/** The candles that are kept, as the tables have them. */
async function stored(database: Database): Promise<ReadonlyMap<string, string>> {
  const read = (sql: string) => database.query(sql)
  return storedCandles(read, { kept: await keptOf(read) })
}

/** The same, made of what the event log has. */
async function naive(
  database: Database,
  sources: readonly FillSource[],
): Promise<ReadonlyMap<string, string>> {
  const read = (sql: string) => database.query(sql)
  return naiveCandles(await loggedEvents(read), sources, await keptOf(read))
}

/** A database whose connection is killed at the `left`th statement inside of a transaction. */
function killing(database: Database, left: { statements: number }): Database {
  return Object.assign(Object.create(database) as Database, {
    schema: database.schema,
    query: database.query.bind(database),
    batch: database.batch.bind(database),
    transaction: ((work, schema) =>
      database.transaction(async (client) => {
        const run = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
        const watched = Object.assign(Object.create(client) as typeof client, {
          query: async (...args: unknown[]) => {
            if (left.statements-- === 0) {
              const { rows } = (await run('select pg_backend_pid() as pid')) as { rows: { pid: number }[] }
              await database.query('select pg_terminate_backend($1)', [rows[0]?.pid])
            }
            return run(...args)
          },
        })
        return work(watched)
      }, schema)) as Database['transaction'],
  })
}

class Run {
  readonly database: Database
  readonly worlds: readonly SeriesWorld[]
  readonly random: Numbers
  sources: readonly FillSource[] = [book, priced]
  retention = retention
  anew = 0
  killed = 0
  #chains: readonly SeriesChain[] = []

  constructor(database: Database, random: Numbers) {
    this.database = database
    this.random = random
    this.worlds = [
      new SeriesWorld(1, START, database, random),
      new SeriesWorld(2, START - DAY, database, random),
    ]
    this.restart(database)
  }

  restart(database: Database): void {
    const partitions = new Partitions()
    this.#chains = this.worlds.map(
      ({ chainId, times }) =>
        new SeriesChain(
          {
            ...{ chainId, batch: 1 + this.random.whole(120), sources: this.sources },
            keep: { chains: [1, 2], retention: this.retention },
          },
          {
            ...{ database, partitions, times, log: recordingLog() },
            onWritten: ({ anew }) => {
              this.anew += anew.length
            },
          },
        ),
    )
  }

  async catchUp(): Promise<void> {
    if (this.random.chance(0.3)) {
      this.restart(killing(this.database, { statements: this.random.whole(30) }))
      try {
        await this.#passes()
      } catch {
        this.killed++
      }
      this.restart(this.database)
    }
    await this.#passes()
  }

  #passes(): Promise<unknown> {
    return Promise.all(
      this.#chains.map(async (chain) => {
        while (await chain.pass()) {}
      }),
    )
  }

  async step(): Promise<void> {
    const world = this.worlds[this.random.chance(0.6) ? 0 : 1]
    if (world === undefined) return
    const seconds = this.random.chance(0.2) ? DAY : this.random.chance(0.5) ? 2 : 400
    switch (this.random.whole(9)) {
      case 0:
      case 1:
        return world.reorganise(1 + this.random.whole(12), seconds, 4)
      case 2:
        return world.finalize(this.random.whole(10))
      case 3:
        return world.comeLate(1 + this.random.whole(5))
      case 4:
        await prunePartitions(this.database, { chains: [1, 2], retention })
        return
      case 5:
        if (this.random.chance(0.5)) await world.recover(5 + this.random.whole(60))
        else if (this.random.chance(0.3)) {
          const fields = { base: 'paid', quote: this.random.chance(0.5) ? 'sold' : 'price' }
          this.sources = this.random.chance(0.5) ? [priced, { ...book, fields }] : [priced]
          this.restart(this.database)
        }
        return
      default:
        return world.mine(1 + this.random.whole(15), seconds, 8)
    }
  }
}

describe('candles', () => {
  const totals = { anew: 0, killed: 0, pruned: 0 }

  it.each([1, 2, 3])(
    'are those of a naive recompute after every step, whatever happens (seed %i)',
    async (seed) => {
      const database = await postgres.database(`random_${seed}`)
      const run = new Run(database, numbers(seed))
      for (let step = 0; step < 40; step++) {
        await run.step()
        await run.catchUp()
        const at = `seed ${seed}, step ${step}`
        expect(await stored(run.database), at).toEqual(await naive(run.database, run.sources))
      }
      while (!(await pruneGone(database))) {}
      const [left] = await database.query(
        'select count(*) as n from series_candle where series not in (select key from series)',
      )
      expect(left?.n, `seed ${seed}`).toBe(0n)
      totals.anew += run.anew
      totals.killed += run.killed
      totals.pruned += (await keptOf((sql) => database.query(sql))).get(1) ?? 0
    },
  )

  it('met all of it: killed connections, series made anew, dropped partitions', () => {
    expect(totals.killed).toBeGreaterThan(2)
    expect(totals.anew).toBeGreaterThan(0)
    expect(totals.pruned).toBeGreaterThan(0)
  })

  it('are made from the beginning of the log where what they are made of is gone', async () => {
    const run = new Run(await postgres.database('deep'), numbers(7))
    const [world, other] = run.worlds
    if (world === undefined || other === undefined) throw new TypeError('no world')
    await world.mine(60, 60, 8)
    await world.mine(1, 400 * DAY, 8)
    await world.finalize(0)
    await run.catchUp()
    const pruned = await prunePartitions(run.database, { chains: [1], retention })
    expect(new Set(pruned.map(({ kind }) => kind.name)).size).toBeGreaterThan(5)
    // Of the first hour half is taken back: the day that it lies in keeps the other half.
    await world.recover(32)
    await run.catchUp()
    const candles = await stored(run.database)
    expect(candles).toEqual(await naive(run.database, run.sources))
    expect(candles.size).toBeGreaterThan(0)
    expect(run.anew).toBeGreaterThan(0)
  })
})
