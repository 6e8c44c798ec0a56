import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import {
  listConsumers,
  listDeadLetters,
  replayEvents,
  retryDeadLetters,
} from '../../../node/adapters/postgres/event-admin.ts'
import { type DurableEventLog, eventLog } from '../../../node/adapters/postgres/event-log.ts'
import { repairLog, surveyDamage } from '../../../node/adapters/postgres/event-recovery.ts'
import { nodeMigrations } from '../../../node/adapters/postgres/node-migrations.ts'
import type { ChainHalts } from '../../../node/ports/chain-trust.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Stage } from '../../../node/ports/events.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { chain, eventRow, hash } from './chain-events.ts'
import { type ChainWorld, chainWorld } from './chain-world.ts'
import { Fold } from './event-fold.ts'
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

interface Run {
  readonly log: DurableEventLog
  readonly halts: ChainHalts
}

async function start(
  database: Database,
  { index, chains }: ChainWorld,
  attempts = 3,
  clock: Clock = systemClock,
): Promise<Run> {
  const modules = { clock, log: recordingLog(), metrics: noMetrics }
  const halts = chainHalts(modules)
  const log = eventLog(
    { pollMs: 5, requestPollMs: 5, attempts, batch: 7 },
    { database, index, chains, halts, ...modules },
  )
  logs.push(log)
  await log.start()
  return { log, halts }
}

async function follow(log: DurableEventLog, stage: Stage, fold = new Fold()): Promise<Fold> {
  await log.subscribe({ consumer: `at-${stage}`, names: ['a', 'b'], from: 'start', stage }, fold.take)
  return fold
}

const count = async (database: Database, table: string) =>
  Number((await database.query(`select count(*) as n from ${table}`))[0]?.n)

describe('the event log', () => {
  it('writes one notice for an event that is final when it is copied', async () => {
    const world = chainWorld([chain(1, 2)])
    for (let at = 0; at < 20; at++) world.mine(1, 'a', 'b')
    world.finalize(1)
    const database = await postgres.database('backfill')
    const { log } = await start(database, world)
    const folds = await Promise.all([follow(log, 'seen'), follow(log, 'confirmed'), follow(log, 'final')])
    await until(() => folds.every(({ heard }) => heard.length === 40))
    expect(await count(database, 'event_notice')).toBe(40)
    expect(folds.map(({ heard }) => new Set(heard.map(({ stage }) => stage)))).toEqual([
      new Set(['seen']),
      new Set(['confirmed']),
      new Set(['final']),
    ])
  })

  it('does not revert what the index alone has forgotten', async () => {
    const world = chainWorld([chain(1, 2)])
    world.mine(1, 'a')
    const database = await postgres.database('forgotten')
    const { log } = await start(database, world)
    const fold = await follow(log, 'seen')
    await until(() => fold.heard.length === 1)
    await log.stop()
    // Another build, without the contract of that event.
    world.index.remove('event', () => true)
    const again = await start(database, world)
    const later = await follow(again.log, 'seen')
    const block = world.mine(1)
    world.index.add('event', {
      ...eventRow({ block: block.number, logIndex: 0 }, 'b'),
      blockHash: block.hash,
    })
    await until(() => later.heard.length === 1)
    expect(later.heard.map(({ name, stage }) => `${name} ${stage}`)).toEqual(['b seen'])
  })

  it('tells of a block that came back after it was dropped, under keys of its own', async () => {
    const world = chainWorld([chain(1, 2)])
    world.setIndexing(false)
    const log = (await start(await postgres.database('again'), world)).log
    const fold = await follow(log, 'seen')
    const { index } = world
    const on = (salt: string) => {
      index.remove('event', () => true)
      index.remove('block', () => true)
      branch = salt
      index.add('event', eventRow({ block: 1n, logIndex: 0, salt }, 'a'))
      index.add('block', {
        ...{ chainId: 1, slot: 1, number: 1n, hash: hash(1n, salt), parentHash: hash(0n), timestamp: 1n },
      })
      index.setHead(1, 1n)
    }
    let branch = 'a'
    vi.spyOn(world.chains, 'block').mockImplementation(async (_, at) =>
      typeof at === 'bigint'
        ? { number: at, hash: hash(at, at === 0n ? '' : branch), parentHash: hash(0n), timestamp: 1 }
        : null,
    )
    for (const [at, salt] of ['a', 'b', 'a'].entries()) {
      on(salt)
      await until(() => fold.heard.length === 1 + 2 * at)
    }
    expect(fold.heard.map(({ stage }) => stage)).toEqual([
      ...['seen', 'reverted', 'seen', 'reverted', 'seen'],
    ])
    expect(new Set(fold.heard.map(({ key }) => key)).size).toBe(5)
    expect(fold.heard.at(-1)?.key).toBe(`1-${hash(1n, 'a')}-0-seen-2`)
    expect(fold.of(1)).toEqual(['1/a'])
  })

  it.each([
    ['the index lags behind what the chain calls final', 5n],
    ['the chain calls final what the index has of another branch', 3n],
  ])('loses no event when %s, on a branch that is gone', async (_, final) => {
    const world = chainWorld([chain(1, 2)])
    for (let at = 0; at < 4; at++) world.mine(1)
    const { log } = await start(await postgres.database(`dropped_${final}`), world)
    const folds = await Promise.all([follow(log, 'seen'), follow(log, 'final')])
    const asked = vi.spyOn(world.chains, 'finalized')
    const passes = async (count: number) => {
      const before = asked.mock.calls.length
      await until(() => asked.mock.calls.length >= before + count)
    }
    await passes(3)
    // Blocks 3 and 4 of the index are gone, and had no event; the new block 3 has one.
    world.setIndexing(false)
    world.reorg(1, 2, ['a'], [], [], [])
    world.finalize(1, final)
    await passes(5)
    world.setIndexing(true)
    world.finalize(1)
    await until(() => folds.every(({ heard }) => heard.length === 1))
    expect(folds.map((fold) => fold.of(1))).toEqual([['3/a'], ['3/a']])
  })

  it('loses no event when the index changes to the right branch between two looks at it', async () => {
    const world = chainWorld([chain(1, 2)])
    for (let at = 0; at < 4; at++) world.mine(1)
    const { log } = await start(await postgres.database('switch'), world)
    const folds = await Promise.all([follow(log, 'seen'), follow(log, 'final')])
    const asked = vi.spyOn(world.chains, 'finalized')
    await until(() => asked.mock.calls.length >= 3)
    world.setIndexing(false)
    world.reorg(1, 2, ['a'], [], [], [])
    // The tip that it goes by was read before.
    const select = world.index.select
    const spy = vi.spyOn(world.index, 'select').mockImplementation((query) => {
      if (query.table === 'block' && JSON.stringify(query.where, plain).includes('"value":"3n"')) {
        spy.mockRestore()
        world.setIndexing(true)
      }
      return select(query)
    })
    world.finalize(1, 3n)
    await until(() => folds.every(({ heard }) => heard.length === 1))
    expect(folds.map((fold) => fold.of(1))).toEqual([['3/a'], ['3/a']])
  })

  it('loses no event when an index on a branch that is gone knows the hash of its tip alone', async () => {
    const world = chainWorld([chain(1, 2)])
    for (let at = 0; at < 4; at++) world.mine(1)
    const database = await postgres.database('tip_alone')
    const first = await start(database, world)
    const before = vi.spyOn(world.chains, 'finalized')
    await until(() => before.mock.calls.length >= 3)
    await first.log.stop()
    world.setIndexing(false)
    // As after a restart of the indexer, whose live blocks begin at the head that it finds.
    world.index.remove('block', ({ number }) => number < 4n)
    world.reorg(1, 2, ['a'], [], [], [])
    world.finalize(1, 3n)
    let later = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later }
    const { log } = await start(database, world, 3, clock)
    const folds = await Promise.all([follow(log, 'seen'), follow(log, 'final')])
    const passed = before.mock.calls.length
    await until(() => before.mock.calls.length >= passed + 5)
    expect(log.health()).toEqual({ status: 'ok' })
    later = 120_000
    await until(() => log.health().status === 'degraded')
    world.setIndexing(true)
    await until(() => folds.every(({ heard }) => heard.length === 1))
    expect(folds.map((fold) => fold.of(1))).toEqual([['3/a'], ['3/a']])
    await until(() => log.health().status === 'ok')
  })

  it('lets every consumer end with the chain, whatever it does and whenever the node dies', async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
    const random = lcg(seed)
    const world = chainWorld([chain(1, 2), chain(2, 3)])
    const database = await postgres.database('folds')
    const folds = { seen: new Fold(), confirmed: new Fold(), final: new Fold() }
    let run = await start(database, world)
    const finals = new Map([
      [1, 0n],
      [2, 0n],
    ])
    const height = new Map([
      [1, 0],
      [2, 0],
    ])
    const names = () => ['a', 'b', 'c'].slice(0, random(4))
    const subscribe = async () => {
      for (const [stage, fold] of Object.entries(folds)) await follow(run.log, stage as Stage, fold)
    }
    await subscribe()
    for (let step = 0; step < 150; step++) {
      const chainId = 1 + random(2)
      const above = (height.get(chainId) ?? 0) - Number(finals.get(chainId) ?? 0n)
      const dice = random(12)
      if (dice < 6) {
        world.mine(chainId, ...names())
        height.set(chainId, (height.get(chainId) ?? 0) + 1)
      } else if (dice < 9 && above > 0) {
        const depth = 1 + random(above)
        const blocks = Array.from({ length: depth + random(3) }, names)
        world.reorg(chainId, depth, ...blocks)
        height.set(chainId, (height.get(chainId) ?? 0) - depth + blocks.length)
      } else if (dice < 11) {
        const final = (finals.get(chainId) ?? 0n) + BigInt(random(above + 1))
        finals.set(chainId, final)
        world.finalize(chainId, final)
      } else {
        // What was not written is lost, as in a crash.
        await run.log.stop()
        run = await start(database, world)
        await subscribe()
      }
      if (random(3) === 0) await new Promise((done) => setTimeout(done, random(20)))
    }
    for (const chainId of [1, 2]) {
      for (let at = 0; at < 4; at++) world.mine(chainId)
      world.finalize(chainId)
      const wanted = world.events(chainId).filter((event) => !event.endsWith('c'))
      for (const fold of Object.values(folds)) {
        await until(() => fold.of(chainId).join() === wanted.join()).catch(() => {
          expect(fold.of(chainId), `seed ${seed}`).toEqual(wanted)
        })
      }
    }
    expect(folds.final.heard.every(({ stage }) => stage === 'final')).toBe(true)
    for (const { heard } of Object.values(folds))
      expect(new Set(heard.map(({ key }) => key)).size).toBe(heard.length)
  })
})

describe('a reorganisation deeper than finality', () => {
  /** Ten blocks with an event each, final up to block 6, and a consumer at each of two stages. */
  async function scene(schema: string) {
    const world = chainWorld([chain(1, 2), chain(2, 2)])
    const database = await postgres.database(schema)
    for (let at = 0; at < 10; at++) world.mine(1, 'a')
    world.finalize(1, 6n)
    const run = await start(database, world)
    const final = await follow(run.log, 'final')
    const seen = await follow(run.log, 'seen')
    await until(() => final.heard.length === 6 && seen.heard.length === 10)
    return { world, database, run, final, seen }
  }

  it('stops that chain alone, also after a restart, until it was recovered', async () => {
    const { world, database, run, final, seen } = await scene('deep')
    world.reorg(1, 6, ['b'], [], [], ['b'], ['b'], [], ['b'])
    world.finalize(1, 7n)
    await until(() => run.halts.list().length === 1)
    expect(run.halts.list()[0]).toMatchObject({
      chainId: 1,
      cause: 'deep-reorg',
      reason: expect.stringContaining('iyi index recover --chain 1'),
    })
    expect(run.log.health()).toMatchObject({ status: 'degraded', reason: run.halts.list()[0]?.reason })
    world.mine(2, 'a')
    await until(() => seen.of(2).length === 1)
    expect(seen.heard.filter(({ chainId }) => chainId === 1)).toHaveLength(10)

    await run.log.stop()
    const second = await start(database, world)
    expect(second.halts.list()).toHaveLength(1)
    await follow(second.log, 'seen', seen)
    await follow(second.log, 'final', final)
    world.mine(1, 'b')
    world.mine(2, 'a')
    await until(() => seen.of(2).length === 2)
    expect(seen.heard.filter(({ chainId }) => chainId === 1)).toHaveLength(10)
    await second.log.stop()

    const damage = await surveyDamage(database, { chainId: 1 }, { chain: world.chains })
    expect(damage.ancestor?.number).toBe(4n)
    expect(damage.events).toHaveLength(6)
    await repairLog(database, damage)
    const third = await start(database, world)
    await follow(third.log, 'seen', seen)
    await follow(third.log, 'final', final)
    world.finalize(1)
    await until(() => seen.of(1).join() === world.events(1).join())
    await until(() => final.of(1).join() === world.events(1).join())
    expect(third.halts.list()).toEqual([])
    expect(third.log.health()).toEqual({ status: 'ok' })
    const told = seen.heard.filter(({ chainId }) => chainId === 1).slice(10, 17)
    expect(told.map(({ stage, blockNumber }) => `${stage} ${blockNumber}`)).toEqual([
      ...[10, 9, 8, 7, 6, 5].map((block) => `reverted ${block}`),
      'seen 5',
    ])
    const reverted = final.heard.filter(({ stage }) => stage === 'reverted')
    expect(reverted.map(({ blockNumber }) => blockNumber)).toEqual([6n, 5n])
  })

  it('goes on by itself when the providers were wrong for a while', async () => {
    const { world, run, seen } = await scene('wrong')
    const right = world.chains.block
    const wrong = vi.spyOn(world.chains, 'block').mockImplementation(async (chainId, at) => {
      const block = await right(chainId, at)
      return block === null ? null : { ...block, hash: hash(block.number, 'dead') }
    })
    world.finalize(1, 7n)
    await until(() => run.halts.list().length === 1)
    wrong.mockRestore()
    world.mine(1, 'b')
    world.finalize(1, 8n)
    await until(() => seen.of(1).includes('11/b'))
    expect(run.halts.list()).toEqual([])
  })

  it('is found where the index holds dead rows that it never takes back', async () => {
    const { world, run, final } = await scene('dead_rows')
    const dead = eventRow({ block: 8n, logIndex: 0, salt: 'dead' }, 'b')
    await run.log.stop()
    world.mine(1, 'a')
    world.mine(1)
    // As after a restart of the indexer: its newest blocks are the chain's, an event below is not.
    world.index.add('event', { ...dead, logIndex: 5 })
    const again = await start(await postgres.database('dead_rows'), world)
    await follow(again.log, 'final', final)
    world.finalize(1, 9n)
    await until(() => again.halts.list().length === 1)
    expect(final.heard.every(({ name }) => name === 'a')).toBe(true)
  })

  it('waits where no provider says whether the final block is still there', async () => {
    const { world, database, run, seen } = await scene('silent')
    await run.log.stop()
    world.setAway(1, true)
    const again = await start(database, world)
    await follow(again.log, 'seen', seen)
    world.mine(1, 'b')
    world.mine(2, 'b')
    await until(() => seen.of(2).length === 1)
    await until(() => again.log.health().status === 'degraded')
    expect(seen.of(1)).toHaveLength(10)
    world.setAway(1, false)
    await until(() => seen.of(1).length === 11)
    expect(again.log.health()).toEqual({ status: 'ok' })
  })
})

describe('the command line finds in the database', () => {
  it('who follows what, what failed and why', async () => {
    const world = chainWorld([chain(1, 0), chain(2, 0)])
    const database = await postgres.database('admin')
    const { log } = await start(database, world)
    let broken = true
    const handled: string[] = []
    await log.subscribe({ consumer: 'c', names: ['a', 'b'], from: 'start', stage: 'seen' }, async (event) => {
      if (event.name === 'a' && broken) throw new TypeError(`no \0 ${'x'.repeat(5_000)}`)
      handled.push(event.name)
    })
    world.mine(1, 'a', 'b', 'a')
    await until(async () => (await listDeadLetters(database, { consumer: 'c' })).length === 2)
    const [letter] = await listDeadLetters(database, { consumer: null })
    expect(letter).toMatchObject({ consumer: 'c', chainId: 1, event: 'a', blockNumber: 1n, attempts: 3 })
    expect(letter?.error).toHaveLength(1_000)
    await until(() => {
      const health = log.health()
      return health.status !== 'ok' && health.reason.includes('iyi events retry c')
    })
    await until(async () => (await listConsumers(database))[0]?.behind === 0n)
    expect(await listConsumers(database)).toEqual([
      { consumer: 'c', chainId: 1, stage: 'seen', seq: 3n, behind: 0n, deadLetters: 2 },
      { consumer: 'c', chainId: 2, stage: 'seen', seq: 0n, behind: 0n, deadLetters: 0 },
    ])
    broken = false
    expect(await retryDeadLetters(database, { consumer: 'c', ids: [letter?.id ?? 0n] })).toBe(1)
    await until(async () => (await listDeadLetters(database, { consumer: 'c' })).length === 1)
    expect(await retryDeadLetters(database, { consumer: 'c', ids: null })).toBe(1)
    await until(() => handled.length === 3)
    await until(() => log.health().status === 'ok')
    expect(await listDeadLetters(database, { consumer: null })).toEqual([])
    for (const act of [
      () => retryDeadLetters(database, { consumer: 'c', ids: null }),
      () => replayEvents(database, { consumer: 'nobody', chainId: 1, fromBlock: 0n }),
      () => replayEvents(database, { consumer: 'c', chainId: 9, fromBlock: 0n }),
    ])
      await expect(act()).rejects.toMatchObject({ code: 'EVENTS_UNKNOWN' })
  })

  it('a replay while a handler is at work, and does not lose it to that handler', async () => {
    const world = chainWorld([chain(1, 0)])
    const database = await postgres.database('replay')
    const { log } = await start(database, world)
    const seen: bigint[] = []
    let hold: PromiseWithResolvers<void> | null = null
    await log.subscribe({ consumer: 'c', names: ['a'], from: 'start', stage: 'seen' }, async (event) => {
      seen.push(event.blockNumber)
      await hold?.promise
    })
    for (let at = 0; at < 3; at++) world.mine(1, 'a')
    await until(() => seen.length === 3)
    hold = Promise.withResolvers()
    world.mine(1, 'a')
    await until(() => seen.length === 4)
    expect(await replayEvents(database, { consumer: 'c', chainId: 1, fromBlock: 2n })).toEqual({
      notices: 3n,
    })
    hold.resolve()
    await until(() => seen.length === 7)
    expect(seen).toEqual([1n, 2n, 3n, 4n, 2n, 3n, 4n])
  })

  it('a consumer whose stage it keeps', async () => {
    const world = chainWorld([chain(1, 0)])
    const { log } = await start(await postgres.database('stage'), world)
    const options = { consumer: 'c', names: ['a'], from: 'start' } as const
    await (await log.subscribe({ ...options, stage: 'seen' }, async () => {})).close()
    await expect(log.subscribe({ ...options, stage: 'final' }, async () => {})).rejects.toMatchObject({
      code: 'EVENTS_BAD_OPTIONS',
    })
  })
})

describe('the migration of an earlier log', () => {
  it('keeps what was copied, as final, and each consumer where it was', async () => {
    const admin = await postgres.database('migrator')
    const earlier = nodeMigrations.filter(({ id }) => id < '0007')
    await admin.migrate('earlier', earlier)
    await admin.query(`insert into earlier.event_cursor values (1, 5)`)
    for (const block of [1, 4]) {
      await admin.query(
        `insert into earlier.event values ($1::bigint, 1, $1::bigint, $2, 0, '0x0a', 1, '0x0b', 'a', '{}')`,
        [block, hash(block)],
      )
    }
    await admin.query(`insert into earlier.event_consumer (consumer, seq) values ('at-confirmed', 1)`)
    const world = chainWorld([chain(1, 1)])
    for (const names of [['a'], [], [], ['a'], [], ['b'], []]) world.mine(1, ...names)
    const { log } = await start(await postgres.database('earlier'), world)
    const fold = await follow(log, 'confirmed')
    await until(() => fold.heard.length === 2)
    expect(fold.of(1)).toEqual(['4/a', '6/b'])
    expect((await log.read({ after: 0n, stage: 'final', limit: 10 })).map(({ seq }) => seq)).toEqual([1n, 4n])
  })
})

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)

/** Integers from 0 to n - 1, the same for the same seed (Numerical Recipes, 7.1). */
function lcg(seed: number): (n: number) => number {
  let state = seed >>> 0
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}
