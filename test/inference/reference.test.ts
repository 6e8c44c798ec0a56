import { describe, expect, it } from 'vitest'
import { start } from './fixture.ts'
import { float32, int64, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { tiny } from './tiny-set.ts'

const ask = { model: 'doubling', inputs: { x: float32([1, 2], 3, 2) } }

describe('the reference profile', () => {
  it('runs the model apart from what else runs it, says so, and keeps nothing', async () => {
    const { inference } = await start(await writeTiny(await tinyFolder(), [tiny.doubling()]), {
      cacheBytes: 1_000_000,
    })
    const usual = await inference.run(ask)
    const reference = await inference.run({ ...ask, reference: true })
    expect([usual.provider, reference.provider]).toEqual(['cpu', 'cpu-reference'])
    expect(reference.quantized).toEqual(usual.quantized)
    expect(await inference.run({ ...ask, reference: true })).toMatchObject({ cached: false })
    expect(await inference.run(ask)).toMatchObject({ cached: true, provider: 'cpu' })
    expect(inference.models()[0]).toMatchObject({ provider: 'cpu' })
  })

  it('is there where no provider of the configuration takes the model', async () => {
    const { inference } = await start(await writeTiny(await tinyFolder(), [tiny.doubling()]), {
      // A runtime without CUDA's libraries, and nothing behind it.
      providers: ['cuda'],
    })
    await expect(inference.run(ask)).rejects.toMatchObject({ code: 'INFERENCE_REFUSED' })
    expect(await inference.run({ ...ask, reference: true })).toMatchObject({ provider: 'cpu-reference' })
  })

  it('refuses a model that does not give its goldens back there either', async () => {
    const wrong = {
      ...tiny.doubling(),
      cases: [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [7n] }],
    }
    const { inference } = await start(await writeTiny(await tinyFolder(), [wrong]))
    await expect(inference.run({ ...ask, reference: true })).rejects.toMatchObject({
      code: 'INFERENCE_REFUSED',
      message: expect.stringContaining('reference profile'),
    })
  })

  it('has a process of its own, which is there only once somebody asks', async () => {
    const { inference, workers } = await start(await writeTiny(await tinyFolder(), [tiny.doubling()]))
    expect(workers.size).toBe(1)
    await inference.run({ ...ask, reference: true })
    expect(workers.size).toBe(2)
    await inference.stop()
    expect(workers.size).toBe(0)
  })

  it('a run without an end is ended there, and nothing else waits for it', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
    const { inference } = await start(path, { referenceMs: 500 })
    const count = (x: number) => ({ model: 'counting', inputs: { x: int64(x) } })
    const endless = inference.run({ ...count(2 ** 52), reference: true, priority: 'request' })
    const ended = expect(endless).rejects.toMatchObject({ code: 'INFERENCE_HARMFUL' })
    expect((await inference.run({ ...count(5), priority: 'request' })).quantized).toEqual([5n])
    await ended
    // The model rests for nobody.
    expect((await inference.run({ ...count(6), priority: 'request' })).quantized).toEqual([6n])
    expect((await inference.run({ ...count(7), reference: true })).quantized).toEqual([7n])
  })

  it('is not tried again at once where it was refused', async () => {
    const wrong = {
      ...tiny.doubling(),
      cases: [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [7n] }],
    }
    const { inference, logs } = await start(await writeTiny(await tinyFolder(), [wrong]))
    const opened = () =>
      logs.filter(({ msg }) => String(msg).includes('Give up an execution provider')).length
    const before = opened()
    for (let i = 0; i < 3; i++)
      await expect(inference.run({ ...ask, reference: true })).rejects.toMatchObject({
        code: 'INFERENCE_REFUSED',
      })
    expect(opened()).toBe(before + 1)
  })

  it('one model is open at a time', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
    const { inference } = await start(path)
    const other = { model: 'counting', inputs: { x: int64(3) }, reference: true }
    const answers = await Promise.all([
      inference.run({ ...ask, reference: true }),
      inference.run(other),
      inference.run({ ...ask, reference: true }),
      inference.run(other),
    ])
    expect(answers.map(({ quantized }) => quantized[0])).toEqual([6n, 3n, 6n, 3n])
  })

  it('is of models that are known', async () => {
    const { inference } = await start(await writeTiny(await tinyFolder(), [tiny.doubling()]))
    await expect(inference.run({ ...ask, model: 'tripling', reference: true })).rejects.toMatchObject({
      code: 'INFERENCE_UNKNOWN_MODEL',
    })
  })
})
