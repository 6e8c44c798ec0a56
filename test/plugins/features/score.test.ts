import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFixture } from '../../../models/transfer-risk/fixture.ts'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { InferenceError } from '../../../node/ports/inference-error.ts'
import { listen, until as untilSync } from '../../adapters/hono/fixture.ts'
import { type TestPostgres, testPostgres, until } from '../../adapters/postgres/support.ts'
import { shipped, start } from '../../inference/fixture.ts'
import { CHAIN, featureWorld, ORIGIN, TOKEN, type TransferBody, told, transfer } from './kit.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

const config = (score: object) => ({ tokens: [{ contract: 'coin' }], score })
const LIST = (token: string) => `/v1/features/tokens/${CHAIN}/${token}/transfers`
const RISK = {
  id: 'risk',
  features: { set: 'transfer', version: 1 },
  rawInputs: [{ name: 'features', type: 'float32', shape: [null, 16] }],
  quantization: { output: 'risk', decimals: 6 },
} as const

test('each transfer is scored by the model as the model scores its features', async () => {
  const world = await featureWorld(postgres)
  const { inference: service } = await start([{ path: `${shipped}manifest.json`, optional: false }])
  const transfers = readFixture()
    .transfers.slice(0, 300)
    .map(({ transfer: each }) => each)
  const token = transfers[0]?.token ?? TOKEN
  for (const each of transfers) world.events.tell(told(each), 'seen')
  const { get } = await world.run(config({ model: 'transfer-risk' }), { inference: service })
  const list = async (query = '') =>
    (await get<readonly TransferBody[]>(`${LIST(token)}?limit=100${query}`)).body.data ?? []
  await until(async () => {
    const [row] = await world.store.query({ sql: 'select count(digest) as n from transfer' })
    return Number(row?.n) === transfers.length
  }, 60_000)
  const rows = await list()
  const digest = service.models().find(({ id }) => id === 'transfer-risk')?.digest
  const data = Float32Array.from(rows.flatMap(({ features }) => Object.values(features.values)))
  const { quantized } = await service.run({
    model: 'transfer-risk',
    inputs: { features: { type: 'float32', shape: [rows.length, 16], data } },
  })
  for (const [i, { score }] of rows.entries()) {
    expect(score).toMatchObject({ model: 'transfer-risk', digest })
    expect(Math.abs((score?.value ?? 0) - Number(quantized[i]) / 1e6)).toBeLessThan(1e-4)
  }
  const highest = Math.max(...rows.map(({ score }) => score?.value ?? 0))
  const found = await list(`&minScore=${highest}`)
  expect(found.length).toBeGreaterThan(0)
  expect(found.every(({ score }) => (score?.value ?? 0) >= highest)).toBe(true)
})

test('a score at the threshold goes to the stream, and again when it is taken back', async () => {
  const world = await featureWorld(postgres)
  world.inference.set({ ...RISK, id: 'risk' })
  world.inference.answer([900_000n])
  const clock = { ...systemClock, now: () => (ORIGIN + 60) * 1_000 }
  const { url } = await world.run(config({ model: 'risk', threshold: 0.9 }), { clock })
  const stream = listen(`${url}/v1/stream?types=features.flagged`)
  await stream.response
  world.events.tell(told(transfer(1)), 'seen')
  await untilSync(() => stream.events().length === 1)
  expect(stream.events()[0]?.data).toMatchObject({ blockNumber: '1', score: { value: 0.9 }, reverted: false })
  world.events.tell(told(transfer(1)), 'reverted')
  await untilSync(() => stream.events().length === 2)
  expect(stream.events()[1]?.data).toMatchObject({ blockNumber: '1', reverted: true })
  // Below the threshold, and of long ago: neither is told.
  world.inference.answer([899_999n])
  world.events.tell(told(transfer(2)), 'seen')
  await until(() => world.inference.requests.length === 2)
  world.inference.answer([950_000n])
  world.events.tell(
    told(transfer(3, { timestamp: ORIGIN - 1_000_000, token: `0x${'72'.repeat(20)}` })),
    'seen',
  )
  await until(() => world.inference.requests.length === 3)
  world.events.tell(told(transfer(4)), 'seen')
  await untilSync(() => stream.events().length === 3)
  expect(stream.events()[2]?.data).toMatchObject({ blockNumber: '4' })
})

test('a model that does not answer makes scores late, and nothing else', async () => {
  const world = await featureWorld(postgres)
  world.inference.set(RISK)
  world.inference.answer([5n])
  world.inference.fail(new InferenceError('INFERENCE_BUSY', 'risk', 'busy'))
  world.events.tell(told(transfer(1)), 'seen')
  const retries: (() => void)[] = []
  const setTimer = (_: number, fire: () => void) => {
    retries.push(fire)
    return { cancel: () => {} }
  }
  const served = await world.run(config({ model: 'risk' }), { clock: { ...systemClock, setTimer } })
  await until(() => served.health()?.status === 'degraded')
  expect(served.health()).toMatchObject({ reason: expect.stringContaining('busy') })
  expect(await served.one(transfer(1))).toMatchObject({ status: 200, body: { data: { score: null } } })
  for (const retry of retries) retry()
  await until(async () => (await served.one(transfer(1))).body.data.score !== null)
  await until(() => served.health()?.status === 'ok')
})

test('a model that takes something else scores nothing, and the operator is told', async () => {
  const world = await featureWorld(postgres)
  world.inference.set({ ...RISK, features: { set: 'transfer', version: 2 } })
  world.events.tell(told(transfer(1)), 'seen')
  const served = await world.run(config({ model: 'risk' }))
  await until(() => served.health()?.status === 'degraded')
  expect(served.health()).toMatchObject({ reason: expect.stringContaining('"transfer" 1') })
  expect(world.inference.requests).toEqual([])
  expect(await served.one(transfer(1))).toMatchObject({ status: 200, body: { data: { score: null } } })
})

test('what an earlier version of the features made is given to no model', async () => {
  const world = await featureWorld(postgres)
  for (const block of [1, 2, 3]) world.events.tell(told(transfer(block)), 'seen')
  const first = await world.run()
  await until(async () => (await first.one(transfer(3))).status === 200)
  await first.end()
  await world.store.query({ sql: 'update transfer set features_version = 0 where block < 3' })
  world.inference.set(RISK)
  world.inference.answer([5n])
  const served = await world.run(config({ model: 'risk' }))
  await until(async () => (await served.one(transfer(3))).body.data.score !== null)
  expect(await served.one(transfer(1))).toMatchObject({ body: { data: { score: null } } })
  expect(served.health()).toMatchObject({ status: 'ok' })
})

test('what is old is deleted also while a model is refused', async () => {
  const world = await featureWorld(postgres)
  world.inference.set({ ...RISK, features: { set: 'transfer', version: 2 } })
  for (const block of [1, 9 * 8_640]) world.events.tell(told(transfer(block)), 'seen')
  // Each look at it is a minute later, and a turn that failed is tried again at once.
  let minutes = 0
  const clock = {
    ...systemClock,
    monotonic: () => minutes++ * 60_000,
    setTimer: (_: number, fire: () => void) => systemClock.setTimer(1, fire),
  }
  await world.run({ ...config({ model: 'risk' }), retentionDays: 1 }, { clock })
  await until(async () => {
    const kept = await world.store.query({ sql: 'select block from transfer' })
    return kept.map(({ block }) => Number(block)).join() === String(9 * 8_640)
  })
})
