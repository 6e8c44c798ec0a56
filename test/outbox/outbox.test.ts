import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import type { Database } from '../../node/adapters/postgres/database.ts'
import {
  listOutbox,
  listOutboxLetters,
  replayOutbox,
  retryOutboxLetters,
} from '../../node/adapters/postgres/outbox-admin.ts'
import { outboxEvents } from '../../node/adapters/postgres/outbox-events.ts'
import { outboxMemory } from '../../node/adapters/postgres/outbox-memory.ts'
import { chunksOf } from '../../node/outbox/chunks.ts'
import { type Outbox, outbox } from '../../node/outbox/outbox.ts'
import type { Stage } from '../../node/ports/events.ts'
import type { OutboxMessage } from '../../node/ports/outbox.ts'
import { eventRow } from '../adapters/postgres/chain-events.ts'
import { moveLog } from '../adapters/postgres/notices.ts'
import {
  noMetrics,
  recordingLog,
  type TestPostgres,
  testPostgres,
  until,
} from '../adapters/postgres/support.ts'
import { ScriptedSink } from './scripted-sink.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let postgres: TestPostgres
const running: Outbox[] = []
beforeAll(async () => {
  postgres = await testPostgres()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()))
})
afterAll(() => postgres.dispose())

function start(
  database: Database,
  sink: ScriptedSink,
  over: { stages?: readonly Stage[]; events?: readonly string[]; from?: 'start' | 'now' } = {},
): Outbox {
  const { stages = ['seen', 'final'], events = ['*'], from = 'start' } = over
  const sources = [outboxEvents({ stages, events }, { database })]
  const made = outbox(
    { attempts: 3, pollMs: 10 },
    {
      targets: [{ name: 't', from, sink, sources }],
      memory: (target, source) => outboxMemory({ target, source }, { database }),
      ...{ clock: systemClock, log: recordingLog(), metrics: noMetrics },
    },
  )
  running.push(made)
  made.start()
  return made
}

const rows = (from: bigint, to: bigint, name = 'pool.Swap') =>
  Array.from({ length: Number(to - from) + 1 }, (_, at) =>
    eventRow({ block: from + BigInt(at), logIndex: 0 }, name, { amount: '1' }),
  )
const cursorOf = async (database: Database) =>
  (await listOutbox(database, [outboxEvents({ stages: [], events: [] }, { database })]))[0]
const told = (sink: ScriptedSink) =>
  sink.stored.map(({ body }) => {
    const { blockNumber, stage } = body as { blockNumber: string; stage: string }
    return `${blockNumber} ${stage}`
  })

describe('what is published of the event log', () => {
  it('is each stage that was asked for, and a reversal once', async () => {
    const database = await postgres.database('stages')
    const sink = new ScriptedSink()
    const made = start(database, sink, { stages: ['seen', 'confirmed', 'final'] })
    // Whether a broker is there shows only when something is sent to it.
    expect(made.health()).toEqual({ status: 'ok', detail: 'nothing was sent to target "t" yet' })
    await moveLog(database, { added: rows(1n, 3n) })
    await until(() => JSON.stringify(made.health()).includes('target \\"t\\" is served'))
    await moveLog(database, { confirmed: 2n })
    await moveLog(database, { final: 1n })
    await moveLog(database, { reverted: [3n, 2n] })
    // Final at once, as in a backfill: told of all three.
    await moveLog(database, { added: rows(4n, 4n), confirmed: 4n, final: 4n })
    await until(() => sink.stored.length === 11)
    expect(told(sink)).toEqual([
      ...['1 seen', '2 seen', '3 seen', '1 confirmed', '2 confirmed', '1 final'],
      ...['3 reverted', '2 reverted', '4 seen', '4 confirmed', '4 final'],
    ])
    expect(new Set(sink.keys()).size).toBe(11)
    expect(sink.stored[0]).toMatchObject({
      subject: ['1', 'pool', 'Swap'],
      lane: `1-0x${'ab'.repeat(20)}`,
      body: { version: 1, chainId: 1, name: 'pool.Swap', data: { amount: '1' }, blockNumber: '1' },
    })
  })

  it('is only what a target wants, and its cursor moves all the same', async () => {
    const database = await postgres.database('wanted')
    await moveLog(database, { added: [...rows(1n, 2n, 'pool.Swap'), ...rows(3n, 4n, 'feed.Round')] })
    await moveLog(database, { added: [...rows(5n, 5n, 'pool.Sync'), ...rows(6n, 6n, 'poolXSync')] })
    const sink = new ScriptedSink()
    start(database, sink, { events: ['pool.*'], stages: ['seen'] })
    await until(() => sink.stored.length === 3)
    expect(told(sink)).toEqual(['1 seen', '2 seen', '5 seen'])
    // Looked through, not wanted: the cursor follows.
    await until(async () => (await cursorOf(database))?.behind === 0n)
  })

  it('begins with the next one where a target asks for that, once', async () => {
    const database = await postgres.database('now')
    await moveLog(database, { added: rows(1n, 3n) })
    const first = new ScriptedSink()
    const one = start(database, first, { from: 'now', stages: ['seen'] })
    await until(async () => (await cursorOf(database))?.seq === 3n)
    await one.stop()
    await moveLog(database, { added: rows(4n, 5n) })
    const second = new ScriptedSink()
    start(database, second, { from: 'now', stages: ['seen'] })
    await until(() => second.stored.length === 2)
    expect([...told(first), ...told(second)]).toEqual(['4 seen', '5 seen'])
  })
})

describe('a broker', () => {
  it('that is away is waited for, by name, and gets everything once', async () => {
    const database = await postgres.database('away')
    await moveLog(database, { added: rows(1n, 1_200n) })
    const sink = new ScriptedSink()
    sink.away = true
    const made = start(database, sink, { stages: ['seen'] })
    await until(async () => (await cursorOf(database))?.trouble === 'nobody there')
    expect(made.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('"t"') })
    expect(await cursorOf(database)).toMatchObject({ seq: 0n, behind: 1_200n })
    sink.away = false
    await until(async () => (await cursorOf(database))?.behind === 0n)
    expect(told(sink)).toEqual(rows(1n, 1_200n).map(({ blockNumber }) => `${blockNumber} seen`))
    await until(() => made.health().status === 'ok')
    expect((await cursorOf(database))?.trouble).toBeNull()
  })

  it('that is slow has one call open, of bounded size', async () => {
    const database = await postgres.database('slow')
    await moveLog(database, { added: rows(1n, 2_000n) })
    const sink = new ScriptedSink()
    const hold = Promise.withResolvers<void>()
    sink.hold = hold.promise
    start(database, sink, { stages: ['seen'] })
    await until(() => sink.widest === 1)
    hold.resolve()
    await until(() => sink.stored.length === 2_000)
    expect([sink.widest, sink.largest]).toEqual([1, 500])
  })

  it('that holds back an answer does not hold up a stop, and gets it again', async () => {
    const database = await postgres.database('held')
    await moveLog(database, { added: rows(1n, 3n) })
    const silent = new ScriptedSink()
    silent.hold = new Promise(() => {})
    const first = start(database, silent, { stages: ['seen'] })
    await until(() => silent.widest === 1)
    await first.stop()
    const sink = new ScriptedSink()
    start(database, sink, { stages: ['seen'] })
    await until(() => sink.stored.length === 3)
  })

  it('that refuses a message gets the others, and that one again when it is asked for', async () => {
    const database = await postgres.database('refusing')
    await moveLog(database, { added: rows(1n, 5n) })
    const sink = new ScriptedSink()
    sink.refuses = ({ seq }) => seq === 2n || seq === 4n
    const made = start(database, sink, { stages: ['seen'] })
    await until(async () => (await cursorOf(database))?.behind === 0n)
    expect(told(sink)).toEqual(['1 seen', '3 seen', '5 seen'])
    const letters = await listOutboxLetters(database, { target: 't' })
    expect(letters.map(({ seq, attempts, error }) => [seq, attempts, error])).toEqual([
      [2n, 3, 'too large'],
      [4n, 3, 'too large'],
    ])
    expect(made.health()).toMatchObject({ reason: expect.stringContaining('iyi outbox retry t') })
    sink.refuses = ({ seq }) => seq === 4n
    expect(await retryOutboxLetters(database, { target: 't', ids: null })).toBe(2)
    await until(async () => (await listOutboxLetters(database, { target: null }))[0]?.attempts === 4)
    sink.refuses = () => false
    await retryOutboxLetters(database, { target: 't', ids: [letters[1]?.id ?? 0n] })
    await until(() => made.health().status === 'ok')
    expect(told(sink).toSorted()).toEqual(['1 seen', '2 seen', '3 seen', '4 seen', '5 seen'])
    await expect(retryOutboxLetters(database, { target: 't', ids: null })).rejects.toMatchObject({
      code: 'OUTBOX_UNKNOWN',
    })
  })
})

describe('a dead letter', () => {
  const bury = async (name: string) => {
    const database = await postgres.database(name)
    await moveLog(database, { added: rows(1n, 2n), confirmed: 2n })
    const sink = new ScriptedSink()
    sink.refuses = ({ seq }) => seq === 1n
    const made = start(database, sink, { stages: ['confirmed'] })
    await until(async () => (await cursorOf(database))?.behind === 0n)
    await made.stop()
    return database
  }

  it('is published when it is asked for, though its target wants no such events any more', async () => {
    const database = await bury('narrowed')
    const sink = new ScriptedSink()
    start(database, sink, { stages: ['final'], events: ['feed.*'] })
    await retryOutboxLetters(database, { target: 't', ids: null })
    await until(async () => (await listOutboxLetters(database, { target: 't' })).length === 0)
    expect(told(sink)).toEqual(['1 confirmed'])
  })

  it('of an earlier run is told of at once, also while the broker holds back its answers', async () => {
    const database = await bury('earlier')
    await moveLog(database, { added: rows(3n, 4n), confirmed: 4n })
    const sink = new ScriptedSink()
    sink.hold = new Promise(() => {})
    const made = start(database, sink, { stages: ['confirmed'] })
    await until(() => sink.widest === 1)
    expect(made.health()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('iyi outbox dead-letters'),
    })
  })
})

describe('a replay', () => {
  it('begins at a number or at a block, with the same keys, also while a call is open', async () => {
    const database = await postgres.database('replay')
    await moveLog(database, { added: rows(1n, 6n) })
    const sink = new ScriptedSink()
    start(database, sink, { stages: ['seen'] })
    await until(async () => (await cursorOf(database))?.behind === 0n)
    const keys = sink.keys().slice()
    const replay = (from: Parameters<typeof replayOutbox>[1]['from']) =>
      replayOutbox(database, { target: 't', source: 'events', from })
    expect(await replay({ seq: 5n })).toEqual({ seq: 4n })
    await until(() => sink.stored.length === 8)
    const hold = Promise.withResolvers<void>()
    sink.hold = hold.promise
    await moveLog(database, { added: rows(7n, 7n) })
    await until(() => sink.widest === 1)
    expect(await replay({ chainId: 1, block: 6n })).toEqual({ seq: 5n })
    hold.resolve()
    await until(async () => (await cursorOf(database))?.behind === 0n)
    await until(() => sink.keys().filter((key) => key === keys[5]).length === 3)
    expect(sink.keys().slice(0, 8)).toEqual([...keys, ...keys.slice(4)])
    // Never forward, and nothing for a block that is not there.
    expect((await replay({ seq: 1_000n })).seq).toBeLessThanOrEqual(7n)
    await expect(
      replayOutbox(database, { target: 'nobody', source: 'events', from: { seq: 1n } }),
    ).rejects.toMatchObject({ code: 'OUTBOX_UNKNOWN' })
    // Blocks are of events: what else is told has no place by them.
    await outboxMemory({ target: 't', source: 'alerts' }, { database }).open(500n)
    await expect(
      replayOutbox(database, { target: 't', source: 'alerts', from: { chainId: 1, block: 6n } }),
    ).rejects.toMatchObject({ code: 'OUTBOX_NO_BLOCKS' })
    expect(await database.query(`select seq from outbox_cursor where source = 'alerts'`)).toEqual([
      { seq: 500n },
    ])
  })
})

it('messages of one number stay in one call, whatever the limits', () => {
  const message = (seq: bigint, size = 1): OutboxMessage => ({
    ...{ seq, key: `${seq}`, lane: 'l', subject: ['s'], headers: {}, body: 'x'.repeat(size) },
  })
  const sizes = (messages: readonly OutboxMessage[], maxBytes: number, maxMessages: number) =>
    chunksOf(messages, { maxBytes, maxMessages }).map((chunk) => chunk.length)
  expect(sizes([message(1n), message(1n), message(2n), message(2n)], 1_000, 3)).toEqual([2, 2])
  expect(sizes([message(1n, 400), message(2n, 400), message(3n, 4_000), message(4n)], 1_000, 9)).toEqual([
    2, 1, 1,
  ])
  expect(sizes([], 1, 1)).toEqual([])
})
