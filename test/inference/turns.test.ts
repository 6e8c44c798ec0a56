import { describe, expect, it, onTestFinished } from 'vitest'
import type { InferenceRequest } from '../../node/ports/inference.ts'
import { BackendError } from '../../node/ports/inference-error.ts'
import { until } from '../e2e/kit/until.ts'
import { start } from './fixture.ts'
import { handBackend } from './hand-backend.ts'
import { float32, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { tiny } from './tiny-set.ts'

const identity = [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [1n, 2n] }]

/** Two models on a backend with one lane, answered by hand. */
async function world(options: { batched?: boolean; lanes?: number } & Parameters<typeof start>[1] = {}) {
  const { batched = false, lanes = 1, ...rest } = options
  const hand = handBackend({ lanes })
  const path = await writeTiny(
    await tinyFolder(),
    ['a', 'b'].map((id) => tiny.doubling({ id, batched, cases: identity })),
  )
  const { inference, metrics } = await start(path, { backend: hand.backend, ...rest })
  hand.state.byHand = true
  onTestFinished(() => {
    hand.state.byHand = false
    for (const each of hand.runs) each.answer()
  })
  const run = (model: string, value: number, more: Partial<InferenceRequest> = {}) => {
    const result = inference.run({ model, inputs: { x: float32([1, 2], value, value) }, ...more })
    result.catch(() => {})
    return result
  }
  const at = (i: number) => until(`run ${i} has begun`, () => hand.runs[i], { withinMs: 10_000, everyMs: 1 })
  return { ...hand, inference, metrics, run, at }
}

describe('deadlines and callers that give up', () => {
  it('ends a wait at its deadline, and never runs what nobody waits for', async () => {
    const { run, at, runs } = await world()
    const first = run('a', 1)
    const late = run('a', 2, { deadlineMs: 20 })
    const third = run('a', 3)
    await expect(late).rejects.toMatchObject({ code: 'INFERENCE_TIMEOUT', retry: true })
    runs[0]?.answer()
    ;(await at(1)).answer()
    expect((await first).quantized).toEqual([1n, 1n])
    expect((await third).quantized).toEqual([3n, 3n])
    expect(runs).toHaveLength(2)
  })

  it('ends a run under way at its deadline for its caller, and keeps the lane until it has ended', async () => {
    const { run, at, runs } = await world()
    const late = run('a', 1, { deadlineMs: 20 })
    const next = run('b', 2)
    await expect(late).rejects.toMatchObject({ code: 'INFERENCE_TIMEOUT' })
    expect(runs).toHaveLength(1)
    runs[0]?.answer()
    ;(await at(1)).answer()
    expect((await next).quantized).toEqual([2n, 2n])
  })

  it('a caller may ask for less time than the operator allows, not for more', async () => {
    const { run } = await world({ deadlineMs: 20 })
    await expect(run('a', 1, { deadlineMs: 1e9 })).rejects.toMatchObject({ code: 'INFERENCE_TIMEOUT' })
  })

  it('a signal ends a wait and a run, and one that is given already too', async () => {
    const { run, at, runs } = await world()
    const [running, waiting] = [new AbortController(), new AbortController()]
    const first = run('a', 1, { signal: running.signal })
    const second = run('a', 2, { signal: waiting.signal })
    await at(0)
    waiting.abort()
    await expect(second).rejects.toMatchObject({ code: 'INFERENCE_CANCELLED', retry: false })
    running.abort()
    await expect(first).rejects.toMatchObject({ code: 'INFERENCE_CANCELLED' })
    await expect(run('a', 3, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'INFERENCE_CANCELLED',
    })
    runs[0]?.answer()
    expect(runs).toHaveLength(1)
  })
})

describe('whose turn it is', () => {
  it('duties go first, whatever waits', async () => {
    const { run, at, runs } = await world()
    for (const value of [1, 2, 3]) void run('a', value)
    void run('b', 9, { priority: 'duty' })
    void run('a', 8, { priority: 'duty' })
    for (let i = 0; i < 5; i++) (await at(i)).answer()
    expect(runs.map(({ inputs }) => inputs.x?.data[0])).toEqual([1, 9, 8, 2, 3])
  })

  it('models take turns', async () => {
    const { run, at, runs } = await world()
    for (let i = 0; i < 4; i++) void run('a', i)
    for (let i = 0; i < 2; i++) void run('b', i)
    for (let i = 0; i < 6; i++) (await at(i)).answer()
    expect(runs.map(({ model }) => model)).toEqual(['a', 'a', 'b', 'a', 'b', 'a'])
  })

  it('uses every lane', async () => {
    const { run, at, runs } = await world({ lanes: 2 })
    for (let i = 0; i < 4; i++) void run('a', i)
    await at(1)
    expect(runs).toHaveLength(2)
    runs[1]?.answer()
    await at(2)
    expect(runs).toHaveLength(3)
  })

  it('tells a busy model from a free one', async () => {
    const { run, at, runs } = await world()
    const many = Array.from({ length: 1_100 }, (_, i) => run('a', i))
    const busy = (await Promise.allSettled(many.slice(1_025))).map(
      (result) => result.status === 'rejected' && result.reason.code,
    )
    expect(new Set(busy)).toEqual(new Set(['INFERENCE_BUSY']))
    const other = run('b', 7)
    for (let i = 0; i < 3; i++) (await at(i)).answer()
    expect((await other).quantized).toEqual([7n, 7n])
    expect(runs[2]?.model).toBe('b')
  })
})

describe('runs that are put together', () => {
  const rows = (exposed: string) =>
    exposed
      .match(/iyi_inference_batch_rows_(sum|count)\{model="a"\} \d+/g)
      ?.map((line) => Number(line.split(' ')[1]))

  it('become one run, each with its own answer', async () => {
    const { run, at, runs, metrics } = await world({ batched: true, maxBatchRows: 64 })
    const before = rows((await metrics.expose()).body) ?? [0, 0]
    const first = run('a', 0)
    const others = Array.from({ length: 40 }, (_, i) => run('a', i + 1))
    runs[0]?.answer()
    expect((await at(1)).inputs.x?.shape).toEqual([40, 2])
    runs[1]?.answer()
    expect((await first).quantized).toEqual([0n, 0n])
    expect((await Promise.all(others)).map(({ quantized }) => quantized[1])).toEqual(
      Array.from({ length: 40 }, (_, i) => BigInt(i + 1)),
    )
    const after = rows((await metrics.expose()).body) ?? []
    expect(after.map((value, i) => value - (before[i] ?? 0))).toEqual([41, 2])
  })

  it('have at most maxBatchRows, and no duty is among them', async () => {
    const { run, at, runs } = await world({ batched: true, maxBatchRows: 8 })
    for (let i = 0; i < 21; i++) void run('a', i)
    void run('a', 99, { priority: 'duty' })
    for (let i = 0; i < 5; i++) (await at(i)).answer()
    expect(runs.map(({ inputs }) => inputs.x?.shape[0])).toEqual([1, 1, 8, 8, 4])
    expect(runs[1]?.inputs.x?.data[0]).toBe(99)
  })

  it('wait for others for maxBatchDelayMs, and not when they are full', async () => {
    const { run, at, runs } = await world({ batched: true, maxBatchRows: 4, maxBatchDelayMs: 60_000 })
    const four = [1, 2, 3].map((value) => run('a', value))
    expect(runs).toHaveLength(0)
    four.push(run('a', 4))
    ;(await at(0)).answer()
    expect((await Promise.all(four)).map(({ quantized }) => quantized[0])).toEqual([1n, 2n, 3n, 4n])
    // A duty waits for nobody.
    void run('a', 5)
    const duty = run('a', 6, { priority: 'duty' })
    ;(await at(1)).answer()
    expect((await duty).quantized).toEqual([6n, 6n])
  })

  it('go when the delay is over', async () => {
    const { run, at } = await world({ batched: true, maxBatchRows: 64, maxBatchDelayMs: 30 })
    const began = performance.now()
    const two = [run('a', 1), run('a', 2)]
    ;(await at(0)).answer()
    expect(performance.now() - began).toBeGreaterThanOrEqual(29)
    expect((await Promise.all(two)).map(({ quantized }) => quantized[0])).toEqual([1n, 2n])
  })

  it('are repeated one by one when an output does not have a row for each', async () => {
    const { run, at } = await world({ batched: true, maxBatchRows: 64, maxBatchDelayMs: 5 })
    const two = [run('a', 1), run('a', 2)]
    ;(await at(0)).answer(float32([1, 2], 7, 7))
    ;(await at(1)).answer()
    ;(await at(2)).answer()
    expect((await Promise.all(two)).map(({ quantized }) => quantized[0])).toEqual([1n, 2n])
  })
})

describe('a backend that can not be reached', () => {
  it('is not asked without end', async () => {
    const { run, runs, at } = await world({ batched: true, maxBatchRows: 64, maxBatchDelayMs: 5 })
    const two = [run('a', 1), run('a', 2)]
    const all = Promise.allSettled(two)
    for (let i = 0; i < 3; i++) (await at(i)).fail(new BackendError('BACKEND_LOST', 'a', 'nobody there'))
    expect((await all).map((result) => result.status === 'rejected' && result.reason.code)).toEqual([
      'INFERENCE_FAILED',
      'INFERENCE_FAILED',
    ])
    expect(runs).toHaveLength(3)
  })
})
