import { expect, it } from 'vitest'
import type { Tensor, Tensors } from '../../node/ports/tensor.ts'
import { until } from '../e2e/kit/until.ts'
import { start } from './fixture.ts'
import { handBackend } from './hand-backend.ts'
import { float32, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { tiny } from './tiny-set.ts'

async function world(cacheBytes: number) {
  const hand = handBackend()
  const cases = [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [1n, 2n] }]
  const path = await writeTiny(await tinyFolder(), [tiny.doubling({ id: 'a', batched: false, cases })])
  const { inference, metrics } = await start(path, { backend: hand.backend, cacheBytes })
  const ask = (x: Tensor) => inference.run({ model: 'a', inputs: { x } })
  return { ...hand, ask, metrics }
}

const spoil = ({ outputs }: { outputs: Tensors }) => {
  const { data } = outputs.y as Tensor
  ;(data as Float32Array).fill(0)
}

it('an answer is kept, said to be, and nobody can spoil it', async () => {
  const { ask, metrics } = await world(2 ** 20)
  const x = float32([1, 2], 3, 4)
  const first = await ask(x)
  expect(first.cached).toBe(false)
  spoil(first)
  const second = await ask(float32([1, 2], 3, 4))
  expect(second).toMatchObject({ cached: true, quantized: [3n, 4n] })
  spoil(second)
  expect(await ask(x)).toMatchObject({ cached: true, quantized: [3n, 4n] })
  // The same numbers in another shape are another question.
  expect((await ask(float32([2, 2], 3, 4, 3, 4))).cached).toBe(false)
  const { body } = await metrics.expose()
  expect(body).toContain('iyi_inference_cache_total{result="hit"} 2')
  expect(body).toContain('iyi_inference_cache_total{result="miss"} 2')
})

it('an input that is changed while it waits spoils nothing', async () => {
  const { ask, state, runs } = await world(2 ** 20)
  state.byHand = true
  const [busy, x] = [float32([1, 2], 1, 1), float32([1, 2], 3, 4)]
  const answers = [ask(busy), ask(x)]
  ;(x.data as Float32Array).fill(9)
  for (let i = 0; i < 2; i++)
    (await until('it has begun', () => runs[i], { withinMs: 10_000, everyMs: 1 })).answer()
  expect((await answers[1])?.quantized).toEqual([3n, 4n])
  expect(await ask(float32([1, 2], 3, 4))).toMatchObject({ cached: true, quantized: [3n, 4n] })
})

it('has a bound: what was not asked for the longest goes first', async () => {
  // About 520 bytes each.
  const { ask } = await world(8 * 600)
  const question = (i: number) => float32([1, 2], i, i)
  for (let i = 0; i < 9; i++) await ask(question(i))
  await ask(question(1))
  await ask(question(20))
  expect((await ask(question(1))).cached).toBe(true)
  expect((await ask(question(0))).cached).toBe(false)
  expect((await ask(question(8))).cached).toBe(true)
})

it('is off at 0', async () => {
  const { ask } = await world(0)
  await ask(float32([1, 2], 3, 4))
  expect((await ask(float32([1, 2], 3, 4))).cached).toBe(false)
})
