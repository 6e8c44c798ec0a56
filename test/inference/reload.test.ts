import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { until } from '../e2e/kit/until.ts'
import { start } from './fixture.ts'
import { handBackend } from './hand-backend.ts'
import { float32, int64, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { lookup } from './tiny-onnx.ts'
import { tiny } from './tiny-set.ts'

const fast = { withinMs: 20_000, everyMs: 10 }
const identity = [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [1n, 2n] }]

describe('a manifest that changes', () => {
  it('exchanges models while runs are under way; the old one goes when its runs have ended', async () => {
    const folder = await tinyFolder()
    const model = (version: string) => tiny.doubling({ id: 'a', version, batched: false, cases: identity })
    const hand = handBackend({ lanes: 4 })
    const { inference } = await start(await writeTiny(folder, [model('1')]), { backend: hand.backend })
    hand.state.byHand = true
    const run = () => inference.run({ model: 'a', inputs: { x: float32([1, 2], 5, 6) } })
    const old = run()
    const first = inference.models()[0]?.digest
    await until('it is under way', () => hand.runs[0], fast)
    await writeTiny(folder, [model('2')])
    hand.state.byHand = false
    const reloaded = inference.reload()
    await until('the new one is there', () => inference.models()[0]?.version === '2', fast)
    const newer = await run()
    expect(newer.digest).toBe(inference.models()[0]?.digest)
    expect(newer.digest).not.toBe(first)
    expect(hand.closed).toEqual([])
    hand.runs[0]?.answer()
    expect((await old).digest).toBe(first)
    await reloaded
    expect(hand.closed).toEqual(['a 1'])
    await expect(inference.run({ model: String(first), inputs: {} })).rejects.toMatchObject({
      code: 'INFERENCE_UNKNOWN_MODEL',
    })
  })

  it('an id means the newest version, a digest each', async () => {
    const other = tiny.lookup({
      ...{ version: '2', bytes: lookup([11, 21, 31, 41]) },
      cases: [{ inputs: { x: { shape: [1], values: [0] } }, y: [11n] }],
    })
    const path = await writeTiny(await tinyFolder(), [tiny.lookup(), other])
    const { inference } = await start(path)
    const answers = [...inference.models().map(({ digest }) => digest), 'lookup'].map((model) =>
      inference.run({ model, inputs: { x: int64(2) } }),
    )
    expect((await Promise.all(answers)).map(({ quantized }) => quantized[0])).toEqual([30n, 31n, 31n])
  })

  it('one of the operator that appears later is picked up, and goes again', async () => {
    const base = await writeTiny(await tinyFolder(), [tiny.lookup()])
    const own = join(await tinyFolder(), 'models')
    const { inference } = await start(
      [
        { path: base, optional: false },
        { path: join(own, 'manifest.json'), optional: true },
      ],
      { watchMs: 20 },
    )
    expect(inference.models()).toHaveLength(1)
    const made = await tinyFolder()
    await writeTiny(made, [tiny.counting()])
    await cp(made, own, { recursive: true })
    await until('it is there', () => inference.models().filter(({ status }) => status.ok).length === 2, fast)
    const answer = await inference.run({ model: 'counting', inputs: { x: int64(3) } })
    expect(answer.quantized).toEqual([3n])
    await writeFile(join(own, 'manifest.json'), '{"models":[]}')
    await until('it is gone', () => inference.models().length === 1, fast)
    expect(inference.health().status).toBe('ok')
  })

  it('files that come behind their manifest are picked up, half of a file is waited for', async () => {
    const made = await tinyFolder()
    const path = await writeTiny(made, [tiny.counting()])
    const [{ file = '' } = {}] = JSON.parse(await readFile(path, 'utf8')).models as { file?: string }[]
    const bytes = await readFile(join(made, file))
    await rm(join(made, file))
    const { inference } = await start([{ path, optional: false }], { watchMs: 20 })
    const reason = () => {
      const { status } = inference.models()[0] ?? {}
      return status?.ok === false ? status.reason : 'none'
    }
    expect(reason()).toContain('missing')
    await writeFile(join(made, file), bytes.subarray(0, 10))
    await until('half of it is refused', () => reason().includes('SHA-256'), fast)
    await writeFile(join(made, file), bytes)
    await until('it is used', () => reason() === 'none', fast)
    expect((await inference.run({ model: 'counting', inputs: { x: int64(3) } })).quantized).toEqual([3n])
  })

  it('one that is broken leaves everything as it was, and health says so', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.lookup()])
    const { inference, logs } = await start(path, { watchMs: 20 })
    const good = await readFile(path)
    await writeFile(path, '{"models":[{}]}')
    await until('it was noticed', () => inference.health().status === 'degraded', fast)
    expect(inference.health()).toMatchObject({ reason: expect.stringContaining('manifest') })
    await expect(inference.reload()).rejects.toMatchObject({ code: 'INFERENCE_BAD_MANIFEST' })
    expect((await inference.run({ model: 'lookup', inputs: { x: int64(1) } })).quantized).toEqual([20n])
    expect(logs.filter(({ level }) => level === 'error')).toHaveLength(1)
    await writeFile(path, good)
    await until('it is well again', () => inference.health().status === 'ok', fast)
  })
})

describe('the test that a model takes again and again', () => {
  it('takes out one that drifts, with what it answered, and takes it in again', async () => {
    const hand = handBackend()
    const model = tiny.doubling({ id: 'a', batched: false, cases: identity })
    const { inference, metrics } = await start(await writeTiny(await tinyFolder(), [model]), {
      ...{ backend: hand.backend, selfTestMs: 20, cacheBytes: 2 ** 20 },
    })
    const ask = () => inference.run({ model: 'a', inputs: { x: float32([1, 2], 5, 6) } })
    hand.state.add = 3
    await until('it is taken out', () => inference.models()[0]?.status.ok === false, fast)
    await expect(ask()).rejects.toMatchObject({ code: 'INFERENCE_REFUSED' })
    expect(inference.health().status).toBe('failed')
    expect((await metrics.expose()).body).toContain('iyi_inference_model_ok{model="a",version="1"} 0')
    hand.state.add = 0
    await until('it is taken in', () => inference.models()[0]?.status.ok === true, fast)
    expect(await ask()).toMatchObject({ cached: false, quantized: [5n, 6n] })
    expect(inference.health().status).toBe('ok')
  })

  it('drops what it kept of one that drifted', async () => {
    const hand = handBackend()
    const model = tiny.doubling({ id: 'a', batched: false, cases: identity })
    const { inference } = await start(await writeTiny(await tinyFolder(), [model]), {
      ...{ backend: hand.backend, selfTestMs: 200, cacheBytes: 2 ** 20 },
    })
    const ask = () => inference.run({ model: 'a', inputs: { x: float32([1, 2], 5, 6) } })
    hand.state.add = 3
    const wrong = await ask()
    expect(wrong.quantized).toEqual([8n, 9n])
    await until('it is taken out', () => inference.models()[0]?.status.ok === false, fast)
    hand.state.add = 0
    await until('it is taken in', () => inference.models()[0]?.status.ok === true, fast)
    expect(await ask()).toMatchObject({ cached: false, quantized: [5n, 6n] })
  })
})
