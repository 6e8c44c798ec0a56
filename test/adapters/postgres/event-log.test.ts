import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import { type DurableEventLog, eventLog } from '../../../node/adapters/postgres/event-log.ts'
import type { ChainInfo } from '../../../node/ports/chain.ts'
import type { ChainEvent } from '../../../node/ports/events.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { memoryIndex } from '../../fakes/index-reader.ts'
import { chain, chainsOf, eventRow } from './chain-events.ts'
import { noMetrics, recordingLog, type TestPostgres, testPostgres, until } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let postgres: TestPostgres
const logs: DurableEventLog[] = []

beforeAll(async () => {
  postgres = await testPostgres()
})
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.stop()))
})
afterAll(() => postgres.dispose())

function make(
  database: Database,
  index: IndexReader,
  options: { chains?: ChainInfo[]; batch?: number; attempts?: number } = {},
): DurableEventLog {
  const { chains = [chain(1, 0)], batch = 1_000, attempts = 12 } = options
  const modules = { clock: systemClock, log: recordingLog(), metrics: noMetrics }
  const log = eventLog(
    { pollMs: 5, batch, requestPollMs: 5, attempts },
    { database, index, chains: chainsOf(index, chains), halts: chainHalts(modules), ...modules },
  )
  logs.push(log)
  return log
}

const all = (log: DurableEventLog) => log.read({ after: 0n, limit: 1_000 })
const place = (event: ChainEvent) => `${event.chainId}/${event.blockNumber}/${event.logIndex}`

describe('the event log copies', () => {
  it('what a build of the index with more contracts has of blocks that were copied before', async () => {
    const index = memoryIndex()
    const database = await postgres.database('newcomers')
    index.setEdition('a')
    index.add('event', eventRow({ block: 5n, logIndex: 0 }), eventRow({ block: 8n, logIndex: 0 }))
    index.setHead(1, 10n)
    const log = make(database, index, { batch: 2 })
    await log.start()
    await until(async () => (await all(log)).length === 2)
    // The other build takes over, while new blocks come in.
    for (const block of [2n, 3n, 5n, 7n]) index.add('event', eventRow({ block, logIndex: 9 }, 'pool.Sync'))
    index.add('event', eventRow({ block: 11n, logIndex: 0 }))
    index.setHead(1, 11n)
    index.setEdition('b')
    await until(async () => (await all(log)).length === 7)
    expect((await all(log)).map(place)).toEqual([
      ...['1/5/0', '1/8/0', '1/2/9', '1/3/9', '1/5/9', '1/7/9', '1/11/0'],
    ])
    await log.stop()
    // Nothing of it comes again after a restart.
    const again = make(database, index)
    index.add('event', eventRow({ block: 12n, logIndex: 0 }))
    index.setHead(1, 12n)
    await again.start()
    await until(async () => (await all(again)).length === 8)
    expect((await all(again)).map(place).at(-1)).toBe('1/12/0')
  })

  it('what is confirmed on its chain, and no more', async () => {
    const index = memoryIndex()
    for (let block = 1n; block <= 10n; block++) {
      index.add('event', eventRow({ block, logIndex: 0 }), eventRow({ chainId: 2, block, logIndex: 0 }))
    }
    index.setHead(1, 10n, 8n)
    index.setHead(2, 10n)
    const log = make(await postgres.database('confirmed'), index, { chains: [chain(1, 3), chain(2, 0)] })
    await log.start()
    await until(async () => (await all(log)).length === 15)
    // Chain 1: the index saw block 8, less 3 confirmations.
    expect((await log.read({ after: 0n, limit: 100 })).filter(({ chainId }) => chainId === 1)).toHaveLength(5)
    index.setHead(1, 11n, 11n)
    await until(async () => (await all(log)).length === 18)
  })

  it('each event once, in chain order, with every field', async () => {
    const index = memoryIndex()
    const data = {
      amount: String(2n ** 255n),
      note: 'NUL \u0000 and a lone \ud83d half',
      list: [1, null, true],
    }
    // Out of order in the table, as parallel handlers of an indexer may leave them.
    index.add('event', eventRow({ block: 2n, logIndex: 1 }), eventRow({ block: 2n, logIndex: 0 }))
    index.add('event', eventRow({ block: 1n, logIndex: 5 }, 'feed.ReportTransmitted', data))
    index.setHead(1, 2n)
    const database = await postgres.database('fields')
    const log = make(database, index)
    await log.start()
    await until(async () => (await all(log)).length === 3)
    const events = await all(log)
    expect(events.map(place)).toEqual(['1/1/5', '1/2/0', '1/2/1'])
    const row = eventRow({ block: 1n, logIndex: 5 }, 'feed.ReportTransmitted', data)
    const { id: _, ...fields } = row
    expect(events[0]).toEqual({
      ...fields,
      seq: 1n,
      stage: 'confirmed',
      key: `1-${fields.blockHash}-5-confirmed`,
    })
  })

  it('whole blocks only, however the pages fall', async () => {
    const index = memoryIndex()
    const sizes = [1, 3, 7, 2, 1, 12, 1]
    sizes.forEach((size, i) => {
      for (let logIndex = 0; logIndex < size; logIndex++) {
        index.add('event', eventRow({ block: BigInt(i + 1), logIndex }))
      }
    })
    index.setHead(1, BigInt(sizes.length))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    for (const batch of [1, 2, 3, 5, 12, 100]) {
      const log = make(await postgres.database(`pages_${batch}`), index, { batch })
      await log.start()
      await until(async () => (await all(log)).length === total)
      const events = await all(log)
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => BigInt(i + 1)))
      const order = events.map(({ blockNumber, logIndex }) => blockNumber * 100n + BigInt(logIndex))
      expect(order).toEqual(order.toSorted((a, b) => (a < b ? -1 : 1)))
    }
  })

  it('a chain also while the rows of another can not be read', async () => {
    const index = memoryIndex()
    for (const chainId of [1, 2]) {
      index.add('event', eventRow({ chainId, block: 1n, logIndex: 0 }))
      index.setHead(chainId, 1n)
    }
    let broken = true
    const failing: IndexReader = {
      ...index,
      select: async (query) => {
        if (broken && query.where?.some(({ column, value }) => column === 'chainId' && value === 1))
          throw new TypeError('chain 1 is broken')
        return index.select(query)
      },
    }
    const database = await postgres.database('isolated')
    const log = make(database, failing, { chains: [chain(1, 0), chain(2, 0)] })
    await log.start()
    await until(async () => (await all(log)).length === 1)
    expect((await all(log)).map(({ chainId }) => chainId)).toEqual([2])
    await until(() => log.health().status === 'degraded')
    broken = false
    await until(async () => (await all(log)).length === 2)
    await until(() => log.health().status === 'ok')
  })

  it('nothing twice when it starts again, or when the index is built anew', async () => {
    const index = memoryIndex()
    for (let block = 1n; block <= 5n; block++) index.add('event', eventRow({ block, logIndex: 0 }))
    index.setHead(1, 5n)
    const database = await postgres.database('twice')
    const first = make(database, index)
    await first.start()
    await until(async () => (await all(first)).length === 5)
    await first.stop()
    // As if the process had died between the rows and a cursor: the cursor lies behind the rows.
    await database.query('update event_cursor set block_number = 2, block_hash = null')
    const rebuilt = memoryIndex()
    for (let block = 1n; block <= 7n; block++) rebuilt.add('event', eventRow({ block, logIndex: 0 }))
    rebuilt.setHead(1, 7n, 1n)
    const second = make(database, rebuilt)
    await second.start()
    rebuilt.setHead(1, 7n)
    await until(async () => (await all(second)).length === 7)
    expect((await all(second)).map(place)).toEqual([1, 2, 3, 4, 5, 6, 7].map((block) => `1/${block}/0`))
  })

  it('rows and cursor together: a crash of the server in between loses and doubles nothing', async () => {
    const index = memoryIndex()
    const database = await postgres.database('crash')
    const log = make(database, index, { batch: 7 })
    await log.start()
    let block = 0n
    const grow = (blocks: number) => {
      for (let i = 0; i < blocks; i++) {
        block++
        for (let logIndex = 0; logIndex < 3; logIndex++) index.add('event', eventRow({ block, logIndex }))
      }
      index.setHead(1, block)
    }
    for (let crash = 0; crash < 3; crash++) {
      grow(40)
      await until(async () => (await all(log).catch(() => [])).length > crash * 120)
      process.kill(postgres.server.pid, 'SIGKILL')
      await postgres.server.exited
      grow(10)
      await postgres.restart()
    }
    await until(async () => (await all(log).catch(() => [])).length === 450, 30_000)
    const events = await all(log)
    expect(new Set(events.map(place)).size).toBe(450)
    expect(log.health()).toEqual({ status: 'ok' })
  })

  it('no event twice when two processes copy at once', async () => {
    const index = memoryIndex()
    for (let block = 1n; block <= 200n; block++) index.add('event', eventRow({ block, logIndex: 0 }))
    index.setHead(1, 200n)
    const copies = await Promise.all(
      [1, 2].map(async () => make(await postgres.database('rivals'), index, { batch: 3 })),
    )
    await Promise.all(copies.map((log) => log.start()))
    const [log] = copies
    if (log === undefined) throw new TypeError('no log')
    await until(async () => (await all(log)).length >= 200, 30_000)
    const events = await all(log)
    expect(new Set(events.map(place)).size).toBe(events.length)
    const blocks = events.map(({ blockNumber }) => blockNumber)
    expect(blocks).toEqual(blocks.toSorted((a, b) => (a < b ? -1 : 1)))
  })
})

describe('the event log delivers', () => {
  it('every event to every consumer while events stream in', async () => {
    const index = memoryIndex()
    const log = make(await postgres.database('stream'), index, {
      chains: [chain(1, 1), chain(2, 1)],
      batch: 50,
    })
    await log.start()
    const seen = new Map<string, string[]>()
    const subscribe = (consumer: string, names: string[]) =>
      log.subscribe({ consumer, names, from: 'start', stage: 'confirmed' }, async (event) => {
        seen.set(consumer, [...(seen.get(consumer) ?? []), place(event)])
      })
    await subscribe('all', ['a', 'b'])
    await subscribe('b', ['b'])
    for (let block = 1n; block <= 100n; block++) {
      for (const chainId of [1, 2]) {
        index.add(
          'event',
          eventRow({ chainId, block, logIndex: 0 }, 'a'),
          eventRow({ chainId, block, logIndex: 1 }, 'b'),
        )
        index.setHead(chainId, block + 1n)
      }
      if (block % 10n === 0n) await new Promise((done) => setImmediate(done))
    }
    await until(() => seen.get('all')?.length === 400 && seen.get('b')?.length === 200, 30_000)
    for (const chainId of [1, 2]) {
      const expected = Array.from({ length: 200 }, (_, i) => `${chainId}/${Math.floor(i / 2) + 1}/${i % 2}`)
      expect(seen.get('all')?.filter((at) => at.startsWith(`${chainId}/`))).toEqual(expected)
    }
  })

  it('again after a crash between handler and cursor, and goes on behind what was done', async () => {
    const index = memoryIndex()
    for (let block = 1n; block <= 5n; block++) index.add('event', eventRow({ block, logIndex: 0 }))
    index.setHead(1, 5n)
    const database = await postgres.database('resume')
    const first = make(database, index)
    const seen: bigint[] = []
    await first.subscribe(
      { consumer: 'c', names: ['pool.Swap'], from: 'start', stage: 'confirmed' },
      async ({ blockNumber }) => {
        // The third event's handler is cut off, as by a crash.
        if (blockNumber === 3n)
          return new Promise<void>((_, reject) => setTimeout(() => reject(new TypeError('cut')), 20))
        seen.push(blockNumber)
      },
    )
    await first.start()
    await until(() => seen.length === 2)
    await first.stop()
    expect(await database.query(`select seq from event_consumer where consumer = 'c'`)).toEqual([{ seq: 2n }])
    const second = make(database, index)
    await second.start()
    await second.subscribe(
      { consumer: 'c', names: ['pool.Swap'], from: 'now', stage: 'confirmed' },
      async ({ blockNumber }) => {
        seen.push(blockNumber)
      },
    )
    await until(() => seen.length === 5)
    expect(seen).toEqual([1n, 2n, 3n, 4n, 5n])
  })

  it('to those who subscribed before it started', async () => {
    const index = memoryIndex()
    index.add('event', eventRow({ block: 1n, logIndex: 0 }))
    index.setHead(1, 1n)
    const log = make(await postgres.database('early'), index)
    let seen = 0
    await log.subscribe(
      { consumer: 'c', names: ['pool.Swap'], from: 'start', stage: 'confirmed' },
      async () => {
        seen++
      },
    )
    await log.start()
    await until(() => seen === 1)
    await log.stop()
    await expect(
      log.subscribe(
        { consumer: 'd', names: ['pool.Swap'], from: 'start', stage: 'confirmed' },
        async () => {},
      ),
    ).rejects.toMatchObject({ code: 'EVENTS_STOPPED' })
  })

  it('while its health names a consumer that can’t get on', async () => {
    const index = memoryIndex()
    index.add('event', eventRow({ block: 1n, logIndex: 0 }))
    index.setHead(1, 1n)
    const log = make(await postgres.database('stuck'), index)
    let broken = true
    let done = false
    await log.subscribe(
      { consumer: 'the-one', names: ['pool.Swap'], from: 'start', stage: 'confirmed' },
      async () => {
        if (broken) throw new TypeError('broken')
        done = true
      },
    )
    await log.start()
    await until(() => log.health().status === 'degraded')
    expect(log.health()).toMatchObject({ reason: expect.stringContaining('the-one') })
    broken = false
    await until(() => done)
    await until(() => log.health().status === 'ok')
  })
})

describe('the event log waits', () => {
  it('for an index that is down or behind, and goes on by itself', async () => {
    const index = memoryIndex()
    index.setDown(true)
    const log = make(await postgres.database('waits'), index)
    await log.start()
    await until(() => log.health().status === 'degraded')
    index.setDown(false)
    // Up, but it knows nothing of the chain yet.
    await until(() => {
      const health = log.health()
      return health.status === 'degraded' && health.reason.includes('chain-1')
    })
    index.add('event', eventRow({ block: 1n, logIndex: 0 }))
    index.setHead(1, 1_000n, 1n)
    await until(async () => (await all(log)).length === 1)
    expect(log.health()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('999 blocks behind'),
    })
    index.setHead(1, 1_000n)
    await until(() => log.health().status === 'ok')
  })
})
