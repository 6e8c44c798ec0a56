import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { type Database, openDatabase } from '../../../node/adapters/postgres/database.ts'
import { lockDatabase } from '../../../node/adapters/postgres/database-lock.ts'
import { pluginStore } from '../../../node/adapters/postgres/store.ts'
import { freePort, noMetrics, recordingLog, type TestPostgres, testPostgres, until } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let postgres: TestPostgres
const log = recordingLog()
const modules = { log, metrics: noMetrics }

beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

describe('openDatabase', () => {
  it('makes schema and tables once, also when several processes open at once', async () => {
    const databases = await Promise.all(Array.from({ length: 4 }, () => postgres.database('many', 2)))
    const [first] = databases
    const tables = await first?.query(
      `select table_name from information_schema.tables where table_schema = 'many' order by 1`,
    )
    expect(tables?.map((row) => row.table_name)).toEqual([
      'alert',
      'alert_notice',
      'chain_agreement',
      'chain_evidence',
      'event',
      'event_consumer',
      'event_cursor',
      'event_dead_letter',
      'event_notice',
      'iyi_migration',
      'outbox_cursor',
      'outbox_dead_letter',
      'quorum_evidence',
      'quorum_offence',
      'quorum_state',
      'series',
      ...['series_candle', 'series_candle_10s', 'series_candle_15m', 'series_candle_1d', 'series_candle_1h'],
      ...['series_candle_1m', 'series_candle_1s', 'series_candle_4h', 'series_candle_5m', 'series_kept'],
      ...['series_lane', 'series_trade'],
      'signing_history',
      'signing_retired',
      'undecoded_child',
      'undecoded_log',
      'undecoded_progress',
    ])
  })

  it('gives integers exactly and bytes as they are', async () => {
    const database = await postgres.database('types')
    const [row] = await database.query(
      `select 9223372036854775807::bigint as b, ($1::numeric + 1) as n, '\\x00ff'::bytea as y, 7::int as i`,
      [String(2n ** 256n)],
    )
    expect(row).toEqual({ b: 2n ** 63n - 1n, n: String(2n ** 256n + 1n), y: Uint8Array.of(0, 255), i: 7 })
  })

  it('waits for a server that comes up late', async () => {
    await postgres.server.stop()
    const opening = postgres.database('late')
    await postgres.restart()
    expect(await (await opening).query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('gives up with a clear code, and without the password in it', async () => {
    const url = `postgres://iyi:secret-word@127.0.0.1:${await freePort()}/iyi`
    const options = { url, schema: 'x', applicationName: 'test', connectTimeoutMs: 300 }
    const failure = await openDatabase(options, modules).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'DATABASE_UNAVAILABLE', retry: true })
    expect(inspect([failure, log.lines], { depth: null, showHidden: true })).not.toContain('secret-word')
  })

  it('does not wait when the server refuses it', async () => {
    const url = new URL(postgres.server.url)
    url.password = 'wrong'
    const options = { url: url.href, schema: 'x', applicationName: 'test' }
    await expect(openDatabase(options, modules)).rejects.toMatchObject({
      code: 'DATABASE_REFUSED',
      retry: false,
    })
  })

  it.each([{ url: 'mysql://x' }, { url: 'nonsense' }, { schema: 'Robert"; drop' }, { schema: '' }])(
    'refuses %o',
    async (bad) => {
      const options = { url: postgres.server.url, schema: 'x', applicationName: 'test', ...bad }
      await expect(openDatabase(options, modules)).rejects.toMatchObject({ code: 'DATABASE_BAD_OPTIONS' })
    },
  )

  it('does not show the password when it is printed', async () => {
    const database = await postgres.database('printed')
    const { password } = new URL(postgres.server.url)
    expect(inspect(database, { depth: null })).not.toContain(password)
    expect(JSON.stringify(database)).not.toContain(password)
  })

  it('says in its health when the server is away, and works again when it is back', async () => {
    const database = await postgres.database('health')
    expect(database.health()).toEqual({ status: 'ok' })
    await postgres.server.stop()
    await expect(database.query('select 1')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      retry: true,
    })
    expect(database.health()).toMatchObject({ status: 'failed' })
    await postgres.restart()
    await database.query('select 1')
    expect(database.health()).toEqual({ status: 'ok' })
  })

  it('rejects calls after close', async () => {
    const database = await postgres.database('closed')
    await database.close()
    await expect(database.query('select 1')).rejects.toMatchObject({ code: 'DATABASE_CLOSED' })
  })
})

describe('a plugin’s store', () => {
  it('lies in a schema of its own, and finds only that', async () => {
    const database = await postgres.database('stores')
    const store = pluginStore({ plugin: 'my-game' }, { database })
    await store.migrate([{ id: '1', sql: 'create table score (x int)' }])
    const found = `select table_schema as s from information_schema.tables where table_name = 'score'`
    expect(await database.query(found)).toEqual([{ s: 'stores_my_game' }])
    await expect(store.query({ sql: 'select * from signing_history' })).rejects.toMatchObject({
      code: 'STORE_BAD_STATEMENT',
    })
    // The pool's connections keep the node's own path.
    for (let i = 0; i < 10; i++) await database.query('select count(*) from signing_history')
  })

  it('takes one command a statement', async () => {
    const store = pluginStore({ plugin: 'p' }, { database: await postgres.database('one') })
    await expect(store.query({ sql: 'select 1; commit; select 2' })).rejects.toMatchObject({
      code: 'STORE_BAD_STATEMENT',
    })
  })

  it('keeps its migrations when the process restarts, and refuses a changed one', async () => {
    const first = { id: '1', sql: 'create table a (x int)' }
    await pluginStore({ plugin: 'p' }, { database: await postgres.database('again') }).migrate([first])
    const store = pluginStore({ plugin: 'p' }, { database: await postgres.database('again') })
    await store.migrate([first, { id: '2', sql: 'create table b (x int)' }])
    await expect(store.migrate([{ id: '1', sql: 'create table a (y int)' }])).rejects.toMatchObject({
      code: 'STORE_MIGRATION_CHANGED',
      data: { migration: '1' },
    })
  })

  it('keeps exact numbers and bytes', async () => {
    const store = pluginStore({ plugin: 'p' }, { database: await postgres.database('exact') })
    await store.migrate([{ id: '1', sql: 'create table t (n numeric(78, 0), b bytea, j jsonb, l boolean)' }])
    await store.query({
      sql: 'insert into t values ($1, $2, $3, $4)',
      params: [2n ** 256n - 1n, Uint8Array.of(1, 0, 255), { list: [1, 'x', null] }, true],
    })
    expect(await store.query({ sql: 'select * from t' })).toEqual([
      { n: String(2n ** 256n - 1n), b: Uint8Array.of(1, 0, 255), j: { list: [1, 'x', null] }, l: true },
    ])
  })

  it('rejects with a retry while the server is away', async () => {
    const store = pluginStore({ plugin: 'p' }, { database: await postgres.database('away') })
    await store.query({ sql: 'select 1' })
    await postgres.server.stop()
    await expect(store.query({ sql: 'select 1' })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retry: true,
    })
    await postgres.restart()
    expect(await store.query({ sql: 'select 1 as one' })).toEqual([{ one: 1 }])
  })
})

describe('the validator lock', () => {
  const lock = (database: Database, options: Partial<Parameters<typeof lockDatabase>[0]> = {}) =>
    lockDatabase({ onLost: () => {}, ...options }, { database, clock: systemClock, log: recordingLog() })

  it('lets one process in per schema', async () => {
    const [a, b, other] = [
      await postgres.database('locked'),
      await postgres.database('locked'),
      await postgres.database('unlocked'),
    ]
    const first = await lock(a)
    expect(first.held()).toBe(true)
    await expect(lock(b)).rejects.toMatchObject({
      code: 'DATABASE_LOCKED',
      data: { schema: 'locked' },
      // The other process may be ending.
      retry: true,
    })
    const elsewhere = await lock(other)
    await first.release()
    expect(first.held()).toBe(false)
    const second = await lock(b)
    await Promise.all([second.release(), elsewhere.release()])
  })

  it('tells at once, and once, when the session breaks', async () => {
    const database = await postgres.database('lost')
    const lost: object[] = []
    const held = await lock(database, { onLost: ({ code, retry }) => lost.push({ code, retry }) })
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test lock' and pid in
         (select pid from pg_locks where locktype = 'advisory')`,
    )
    await until(() => lost.length > 0)
    expect(held.held()).toBe(false)
    await held.release()
    // A supervisor that starts the node again once the database is back does the right thing.
    expect(lost).toEqual([{ code: 'DATABASE_LOCK_LOST', retry: true }])
  })
})
