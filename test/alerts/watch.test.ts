import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alertStore } from '../../node/adapters/postgres/alert-store.ts'
import { type Database, openDatabase } from '../../node/adapters/postgres/database.ts'
import { outboxAlerts } from '../../node/adapters/postgres/outbox-alerts.ts'
import { alertWatch } from '../../node/alerts/watch.ts'
import type { Alert, AlertRule, AlertStore } from '../../node/ports/alerts.ts'
import type { Candle, RollingWindow, SeriesInfo, SeriesReader } from '../../node/ports/series.ts'
import { SeriesError } from '../../node/ports/series-error.ts'
import { type Postgres, startPostgres, until } from '../adapters/ponder/fixture.ts'
import { recordingLogger, recordingMetrics, virtualClock } from '../fakes/host-modules.ts'

const MINUTE = 60
const pool: SeriesInfo = { id: 'pool-1-0xaa', chainId: 1, address: null, source: 'pool' }
const rule: AlertRule = {
  ...{ name: 'busy', series: 'pool-*', measure: 'trades', windowSeconds: MINUTE },
  ...{ condition: { kind: 'above', limit: 5 }, forSeconds: 0, severity: 'warning' },
}
const alert: Parameters<AlertStore['fire']>[0] = {
  ...{ rule: 'busy', series: pool.id, chainId: 1, severity: 'warning', measure: 'trades', value: 6 },
  ...{ text: 'so', startedAt: 600 },
}

let postgres: Postgres
let database: Database

beforeAll(async () => {
  postgres = await startPostgres()
  database = await openDatabase(
    { url: postgres.url, schema: 'alerts', applicationName: 'test', signal: new AbortController().signal },
    { log: recordingLogger(), metrics: recordingMetrics() },
  )
})
afterAll(async () => {
  await database?.close()
  await postgres?.stop()
})
beforeEach(() => database.batch([{ sql: 'delete from alert' }, { sql: 'delete from alert_notice' }]))

/** Series whose windows the test says. */
function world(rules: readonly AlertRule[], list: readonly SeriesInfo[] = [pool]) {
  const now = {
    ...{ at: 600 as number | null, trades: 0, away: false, candles: [] as Candle[], list },
    broken: null as string | null,
  }
  const told: Alert[] = []
  const clock = virtualClock()
  const metrics = recordingMetrics()
  let looks = 0
  const series: SeriesReader = {
    async list() {
      if (now.away) throw new RangeError('away')
      looks++
      return now.list
    },
    knownUntil: async () => now.at,
    async candles({ from = 0, to = 1e9 }) {
      if (from < 0) throw new SeriesError('SERIES_BAD_QUERY', 'from is negative', { data: {} })
      const candles = now.candles.filter(({ start }) => start >= from && start < to).reverse()
      return { candles, knownUntil: now.at }
    },
    async rolling({ series: id, windowSeconds, until: end = 0 }): Promise<RollingWindow> {
      if (id === now.broken)
        throw new SeriesError('SERIES_UNAVAILABLE', `${id} is being made`, { data: {}, retry: true })
      return {
        ...{ from: end - windowSeconds, until: end, trades: now.trades, of: '1s', deviation: null },
        ...{ open: null, high: null, low: null, close: null, vwap: null, volumeBase: 0n, volumeQuote: 0n },
      }
    },
  }
  const store = alertStore({ database })
  const watch = alertWatch(
    { rules },
    { series, store, tell: (alert) => told.push(alert), clock, metrics, log: recordingLogger() },
  )
  /** A look from beginning to end. */
  const look = async () => {
    const before = looks
    clock.advance(2_000)
    await until('a look begins', 5_000, async () => looks > before || now.away)
    await until('the look ends', 5_000, async () => clock.pending > 0)
  }
  return { now, told, watch, look, store, metrics }
}

describe('the watch', () => {
  it('fires once, tells it, and ends it', async () => {
    const { now, told, watch, look, store } = world([rule])
    await watch.start()
    await look()
    expect(told).toEqual([])
    now.trades = 6
    await look()
    await look()
    expect(told).toMatchObject([
      { rule: 'busy', series: pool.id, state: 'firing', value: 6, startedAt: 600, endedAt: null },
    ])
    Object.assign(now, { trades: 5, at: 612 })
    await look()
    expect(told[1]).toMatchObject({ id: told[0]?.id, state: 'resolved', startedAt: 600, endedAt: 612 })
    expect(await store.list({ limit: 10 })).toEqual([told[1]])
    await watch.stop()
    // The first notice says what was so then, though the alert has ended since.
    const id = String(told[0]?.id)
    const key = `alert:busy:${pool.id}:600`
    const outbox = outboxAlerts({ database })
    const { messages, upTo } = await outbox.read({ after: 0n, limit: 10 })
    expect(messages).toMatchObject([
      {
        ...{ key: `${key}:firing`, subject: ['1', 'alert', 'busy'], headers: { 'iyi-alert': 'firing' } },
        body: { id, rule: 'busy', series: pool.id, state: 'firing', value: 6, startedAt: 600, endedAt: null },
      },
      { key: `${key}:resolved`, body: { id, state: 'resolved', startedAt: 600, endedAt: 612 } },
    ])
    expect(upTo).toBe(await outbox.head())
    expect(await outbox.read({ after: upTo, limit: 10 })).toEqual({ messages: [], upTo })
    expect((await outbox.read({ after: 0n, limit: 1 })).messages).toHaveLength(1)
  })

  it('goes on after an answer of the database that was lost', async () => {
    const { now, told, watch, look, store } = world([rule])
    const series = pool.id
    const first = await store.fire({
      ...{ rule: 'busy', series, chainId: 1, severity: 'warning', measure: 'trades', value: 7, text: '' },
      startedAt: 590,
    })
    // Nobody heard that it was saved: it is fired again, as the same one.
    const again = await store.fire({ ...first, value: 8, startedAt: 600 })
    expect(again).toEqual(first)
    now.trades = 8
    await watch.start()
    await look()
    expect(told).toEqual([])
    expect(await store.resolve(first.id, 612)).toMatchObject({ state: 'resolved', endedAt: 612 })
    now.trades = 0
    await look()
    expect(told).toMatchObject([{ id: first.id, state: 'resolved', endedAt: 612 }])
    expect(await store.resolve(999n, 1)).toBeNull()
    expect(await database.query('select state from alert_notice order by seq')).toEqual([
      { state: 'firing' },
      { state: 'resolved' },
    ])
    await watch.stop()
  })

  it('says which rules no series is there for, and not before there are any', async () => {
    const { now, watch, look } = world([rule, { ...rule, name: 'lost', series: 'pol-*' }], [])
    await watch.start()
    await look()
    expect(watch.health()).toEqual({ status: 'ok' })
    now.list = [pool]
    await look()
    expect(watch.health()).toEqual({ status: 'ok' })
    for (let looks = 0; looks < 30; looks++) await look()
    expect(watch.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('lost') })
    now.list = [pool, { ...pool, id: 'pol-1' }]
    await look()
    expect(watch.health()).toEqual({ status: 'ok' })
    await watch.stop()
  })

  it('has no windows before the first second of a chain', async () => {
    const { now, watch, look } = world([{ ...rule, condition: { kind: 'unlike', sigmas: 3, of: 8 } }])
    Object.assign(now, { at: 30, trades: 50 })
    await watch.start()
    await look()
    expect(watch.health()).toEqual({ status: 'ok' })
    await watch.stop()
  })

  it('waits for the time of the chain that a rule must hold, anew after each break', async () => {
    const { now, told, watch, look } = world([{ ...rule, forSeconds: 30 }])
    await watch.start()
    now.trades = 9
    await look()
    Object.assign(now, { at: 629 })
    await look()
    now.trades = 0
    await look()
    Object.assign(now, { trades: 9, at: 631 })
    await look()
    Object.assign(now, { at: 660 })
    await look()
    expect(told).toEqual([])
    Object.assign(now, { at: 661 })
    await look()
    expect(told).toMatchObject([{ startedAt: 661 }])
    await watch.stop()
  })

  it('goes on with what was firing before a restart, and ends what no rule or series is left of', async () => {
    const first = world([rule, { ...rule, name: 'gone' }], [pool, { ...pool, id: 'pool-1-0xbb' }])
    first.now.trades = 7
    await first.watch.start()
    await first.look()
    await first.watch.stop()
    expect(first.told).toHaveLength(4)
    const second = world([rule])
    second.now.trades = 7
    await second.watch.start()
    await second.look()
    expect(second.told.map(({ rule: name, series, state }) => `${name} ${series} ${state}`).sort()).toEqual([
      'busy pool-1-0xbb resolved',
      'gone pool-1-0xaa resolved',
      'gone pool-1-0xbb resolved',
    ])
    expect(await second.store.firing()).toMatchObject([{ rule: 'busy', series: pool.id }])
    second.now.list = []
    await second.look()
    expect(await second.store.firing()).toEqual([])
    await second.watch.stop()
  })

  it('holds a window against those before it', async () => {
    const { now, told, watch, look } = world([
      { ...rule, name: 'odd', condition: { kind: 'unlike', sigmas: 3, of: 8 } },
    ])
    const candle = (start: number, trades: number): Candle => ({
      ...{
        start,
        open: 1n,
        high: 1n,
        low: 1n,
        close: 1n,
        volumeBase: 1n,
        volumeQuote: 1n,
        trades,
        final: true,
      },
    })
    // Minute 3 has no candle: no trades. The minutes of the running window, 9 and 10, would be very unlike.
    now.candles = [0, 1, 2, 4, 5, 6, 7, 9, 10].map((minute) =>
      candle(minute * 60, minute > 8 ? 99 : 10 + (minute % 3)),
    )
    Object.assign(now, { at: 640, trades: 14 })
    await watch.start()
    await look()
    expect(told).toEqual([])
    now.trades = 40
    await look()
    expect(told).toMatchObject([{ rule: 'odd', value: 40 }])
    await watch.stop()
  })

  it('looks at the others while one series can not be read', async () => {
    const { now, told, watch, look } = world([rule], [{ ...pool, id: 'pool-1-0xbb' }, pool])
    Object.assign(now, { trades: 8, broken: 'pool-1-0xbb' })
    await watch.start()
    await look()
    expect(told).toMatchObject([{ series: pool.id }])
    expect(watch.health()).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('being made'),
    })
    now.broken = null
    await look()
    expect(told.map(({ series }) => series)).toEqual([pool.id, 'pool-1-0xbb'])
    expect(watch.health()).toEqual({ status: 'ok' })
    await watch.stop()
  })

  it('says that it can not look, and goes on by itself', async () => {
    const { now, watch, look, metrics, told } = world([rule])
    Object.assign(now, { away: true, trades: 8 })
    await watch.start()
    await look()
    expect(watch.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('away') })
    now.away = false
    await look()
    expect(watch.health()).toEqual({ status: 'ok' })
    expect(told).toHaveLength(1)
    expect(metrics.gauges.get('iyi_alerts_firing {"rule":"busy","severity":"warning"}')).toBe(1)
    await watch.stop()
  })
})

describe('the outbox of alerts', () => {
  const keys = async () =>
    (await outboxAlerts({ database }).read({ after: 0n, limit: 100 })).messages.map(({ key }) => key)

  it('gives an alert the key that every node gives it, whatever its place in the database', async () => {
    const store = alertStore({ database })
    const other = { ...alert, rule: 'other' }
    const tell = async (first: typeof alert, second: typeof alert) => {
      await database.batch([{ sql: 'delete from alert' }, { sql: 'delete from alert_notice' }])
      for (const each of [first, second]) await store.resolve((await store.fire(each)).id, 660)
      return (await keys()).toSorted()
    }
    const here = await tell(alert, other)
    expect(new Set(here).size).toBe(4)
    expect(await tell(other, alert)).toEqual(here)
  })

  it('keeps a key within what brokers take, and tells long names apart', async () => {
    const store = alertStore({ database })
    for (const end of ['a', 'b']) await store.fire({ ...alert, series: `${'x'.repeat(300)}${end}` })
    await store.fire({ ...alert, series: 'no\u00e4scii' })
    const found = await keys()
    expect(new Set(found).size).toBe(3)
    for (const key of found) expect(key).toMatch(/^[!-~]{1,200}$/)
  })
})

describe('ended alerts', () => {
  it('are kept as long as a target of the outbox has not heard of them', async () => {
    await database.query('delete from outbox_cursor')
    await database.batch([
      {
        sql: `insert into alert (rule, series, chain_id, severity, measure, value, text, started_at, ended_at)
              select 'old', 's' || n, 1, 'info', 'trades', 1, '', n, n + 1 from generate_series(1, 10020) n`,
      },
      { sql: `insert into alert_notice (alert_id, state) select id, 'firing' from alert order by id` },
      { sql: `insert into alert_notice (alert_id, state) select id, 'resolved' from alert order by id` },
    ])
    const store = alertStore({ database, targets: ['slow', 'quick', 'new'] })
    const count = async () =>
      Number((await database.query(`select count(*) as n from alert where rule = 'old'`))[0]?.n)
    const seqOf = async (at: number, state: string) =>
      (
        await database.query(
          `select notice.seq from alert_notice notice join alert on alert.id = alert_id
             where rule = 'old' and started_at = $1 and state = $2`,
          [at, state],
        )
      )[0]?.seq
    const move = async (target: string, seq: unknown) =>
      database.query(
        `insert into outbox_cursor (target, source, seq) values ($1, 'alerts', $2)
           on conflict (target, source) do update set seq = excluded.seq`,
        [target, String(seq)],
      )
    // All of it is told at one, the first ten at the other; a target that is configured no more does not count.
    await move('quick', 1_000_000)
    await move('gone', 0)
    await move('slow', await seqOf(10, 'resolved'))
    await store.fire(alert)
    expect(await count()).toBe(10_010)
    await move('slow', await seqOf(30, 'firing'))
    await store.fire({ ...alert, series: 'another' })
    expect(await count()).toBe(10_010)
    await move('slow', 1_000_000)
    await store.fire({ ...alert, series: 'a third' })
    expect(await count()).toBe(10_000)
    await database.query('delete from outbox_cursor')
  })
})
