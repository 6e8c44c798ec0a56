import { describe, expect, it } from 'vitest'
import { start } from './fixture.ts'
import { float32, tinyFolder, writeTiny } from './tiny-fixture.ts'
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

  it('is of models that are known', async () => {
    const { inference } = await start(await writeTiny(await tinyFolder(), [tiny.doubling()]))
    await expect(inference.run({ ...ask, model: 'tripling', reference: true })).rejects.toMatchObject({
      code: 'INFERENCE_UNKNOWN_MODEL',
    })
  })
})
