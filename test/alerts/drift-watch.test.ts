import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { alertStore } from '../../node/adapters/postgres/alert-store.ts'
import type { Database } from '../../node/adapters/postgres/database.ts'
import { outboxAlerts } from '../../node/adapters/postgres/outbox-alerts.ts'
import { driftWatch } from '../../node/alerts/drift-watch.ts'
import type { Alert, DriftRule } from '../../node/ports/alerts.ts'
import type { ModelDrift } from '../../node/ports/inference.ts'
import { type TestPostgres, testPostgres, until } from '../adapters/postgres/support.ts'
import { recordingLogger, recordingMetrics, virtualClock } from '../fakes/host-modules.ts'

const POLL_MS = 15_000
const rule: DriftRule = {
  name: 'other-world',
  model: 'transfer-*',
  limit: 0.25,
  forSeconds: 0,
  severity: 'warning',
}
const SERIES = 'model/transfer-risk/1.0.0/input/senderSpan'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await testPostgres()
  database = await postgres.database('drift')
})
afterAll(() => postgres.dispose())
beforeEach(() => database.batch([{ sql: 'delete from alert' }, { sql: 'delete from alert_notice' }]))

function world(rules: readonly DriftRule[]) {
  const now = { psi: 0.01 as number | null, broken: false }
  const told: Alert[] = []
  const clock = virtualClock()
  const metrics = recordingMetrics()
  const drift = (): readonly ModelDrift[] => {
    if (now.broken) throw new TypeError('no drift')
    const readings = now.psi === null ? [] : [{ kind: 'input', name: 'senderSpan', psi: now.psi } as const]
    const digest = `0x${'ab'.repeat(32)}` as const
    return [{ model: 'transfer-risk', version: '1.0.0', digest, rows: 900, neededRows: 500, readings }]
  }
  const store = alertStore({ database })
  const watch = driftWatch(
    { rules },
    { drift, store, tell: (alert) => told.push(alert), clock, metrics, log: recordingLogger() },
  )
  const look = async (psi: number | null) => {
    now.psi = psi
    clock.advance(POLL_MS)
    await until(() => clock.pending > 0)
  }
  return { now, told, watch, store, metrics, look, states: () => told.map(({ state }) => state) }
}

it('an index above the limit fires once and ends once, and both are told after they were saved', async () => {
  const { watch, look, told, states, store, metrics } = world([rule])
  await watch.start()
  await look(0.25)
  expect(told).toEqual([])
  await look(0.3)
  await look(0.4)
  expect(told).toMatchObject([
    {
      rule: 'other-world',
      series: SERIES,
      chainId: null,
      measure: 'psi',
      value: 0.3,
      startedAt: 30,
      endedAt: null,
    },
  ])
  expect(await store.firing()).toMatchObject([{ series: SERIES, chainId: null, measure: 'psi' }])
  expect([...metrics.gauges.values()]).toEqual([1])
  await look(0.2)
  expect(states()).toEqual(['firing', 'resolved'])
  expect(await store.firing()).toEqual([])
  const { messages } = await outboxAlerts({ database }).read({ after: 0n, limit: 10 })
  expect(messages.map(({ subject, headers }) => [subject.join('.'), headers['iyi-alert']])).toEqual([
    ['node.alert.other-world', 'firing'],
    ['node.alert.other-world', 'resolved'],
  ])
  await watch.stop()
})

it('a rule waits for its time, from where it began to hold again', async () => {
  const { watch, look, states } = world([{ ...rule, forSeconds: 30 }])
  await watch.start()
  await look(0.3)
  await look(0.3)
  await look(0.1)
  await look(0.3)
  await look(0.3)
  expect(states()).toEqual([])
  await look(0.3)
  expect(states()).toEqual(['firing'])
  await watch.stop()
})

it('an alert goes on over a restart, and ends with its rule, or when nothing is known', async () => {
  const before = world([rule])
  await before.watch.start()
  await before.look(0.3)
  await before.watch.stop()
  const after = world([rule])
  await after.watch.start()
  await after.look(0.3)
  expect(after.states()).toEqual([])
  // Its window is empty.
  await after.look(null)
  expect(after.states()).toEqual(['resolved'])
  await after.look(0.3)
  await after.watch.stop()
  const without = world([])
  await without.watch.start()
  await without.look(0.3)
  expect(without.states()).toEqual(['resolved'])
  await without.watch.stop()
})

it('an alert of a series is not touched', async () => {
  const { watch, look, told, store } = world([])
  const series = { rule: 'move', series: 'pool', chainId: 1, severity: 'info', measure: 'price' } as const
  await store.fire({ ...series, value: 1, text: 'so', startedAt: 5 })
  await watch.start()
  await look(0.9)
  expect(told).toEqual([])
  expect(await store.firing()).toHaveLength(1)
  await watch.stop()
})

it('a rule that no model is for is told after a minute, and a failure at once', async () => {
  const { watch, look, now } = world([{ ...rule, model: 'transfre-risk' }])
  await watch.start()
  await look(0.3)
  expect(watch.health()).toEqual({ status: 'ok' })
  for (let i = 0; i < 4; i++) await look(0.3)
  expect(watch.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('other-world') })
  now.broken = true
  await look(0.3)
  expect(watch.health()).toMatchObject({ reason: expect.stringContaining('no drift') })
  await watch.stop()
})
