import { describe, expect, test } from 'vitest'
import { InferenceSession, Tensor as OrtTensor } from '../../../node/adapters/onnx/runtime.ts'
import type { Tensor } from '../../../node/ports/tensor.ts'
import { node, onnx, unary } from '../../inference/tiny-onnx.ts'
import { floats, handClock, startBackend, TOKEN } from './kit.ts'
import { json, kserveServer } from './server.ts'

const half = (...bits: number[]) => Uint16Array.from(bits)

/** Each type, with elements at its limits. Halves: 1, -2, the largest, a subnormal. */
const samples: readonly Tensor[] = [
  { type: 'float32', shape: [2, 2], data: Float32Array.of(1.5, -0, 3.4e38, 1e-45) },
  { type: 'float64', shape: [2, 2], data: Float64Array.of(0.1, -1e308, 5e-324, 2 ** 53) },
  { type: 'float16', shape: [2, 2], data: half(0x3c00, 0xc000, 0x7bff, 0x0001) },
  { type: 'int64', shape: [2, 2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n) },
  { type: 'int32', shape: [2, 2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, -1) },
  { type: 'uint8', shape: [2, 2], data: Uint8Array.of(0, 255, 1, 2) },
  { type: 'bool', shape: [2, 2], data: Uint8Array.of(0, 1, 1, 0) },
  { type: 'string', shape: [2, 2], data: ['', 'ä€😀', 'a\n"b"', 'x'.repeat(70_000)] },
]

describe('over a real server', () => {
  test.each(samples)('$type goes and comes back as binary data', async (tensor) => {
    const { url, seen } = await kserveServer({
      models: { remote: unary('Identity', tensor.type, ['n', 2]) },
    })
    const model = await (await startBackend(url)).open()
    expect(model.provider).toBe('kserve')
    expect(model.inputs).toEqual([{ name: 'x', type: tensor.type, shape: ['?', 2] }])
    expect(model.outputs).toEqual([{ name: 'y', type: tensor.type, shape: ['?', 2] }])
    expect(await model.run({ x: tensor })).toEqual({ y: tensor })
    expect(seen.at(-1)?.headers).toMatchObject({ 'content-type': 'application/octet-stream' })
  })

  test.each(samples.filter(({ type }) => !['float16', 'int64', 'float64'].includes(type)))(
    '$type in a plain JSON answer',
    async (tensor) => {
      const models = { remote: unary('Identity', tensor.type, [2, 2]) }
      const { url } = await kserveServer({ models, plainAnswers: true })
      const model = await (await startBackend(url, { maxAnswerBytes: 1_000_000 })).open()
      const plain = tensor.type === 'float32' ? floats([1.5, 0, -2, 1e-3], [2, 2]) : tensor
      expect(await model.run({ x: plain })).toEqual({ y: plain })
    },
  )

  test('whole numbers in a plain JSON answer as far as JSON holds them', async () => {
    const models = { remote: unary('Identity', 'int64', [1]) }
    const { url } = await kserveServer({ models, plainAnswers: true })
    const model = await (await startBackend(url)).open()
    const x = (value: bigint): Tensor => ({ type: 'int64', shape: [1], data: BigInt64Array.of(value) })
    expect(await model.run({ x: x(2n ** 53n - 1n) })).toEqual({ y: x(2n ** 53n - 1n) })
    await expect(model.run({ x: x(2n ** 53n) })).rejects.toMatchObject({ code: 'BACKEND_RUN_FAILED' })
  })

  test('what the server computes is what the runtime itself computes', async () => {
    const bytes = onnx({
      inputs: [
        { name: 'a', type: 'float32', shape: ['n'] },
        { name: 'b', type: 'float32', shape: ['n'] },
      ],
      outputs: [
        { name: 'sum', type: 'float32', shape: ['n'] },
        { name: 'root', type: 'float32', shape: ['n'] },
      ],
      nodes: [node('Add', ['a', 'b'], ['sum']), node('Sqrt', ['sum'], ['root'])],
    })
    const { url } = await kserveServer({ models: { remote: bytes } })
    const model = await (await startBackend(url)).open()
    const a = floats(Array.from({ length: 1_000 }, (_, i) => i / 7))
    const b = floats(Array.from({ length: 1_000 }, (_, i) => i - 500))
    const session = await InferenceSession.create(bytes)
    const local = await session.run({
      a: new OrtTensor('float32', a.data, a.shape),
      b: new OrtTensor('float32', b.data, b.shape),
    })
    const remote = await model.run({ a, b })
    // The root of what is negative is NaN: it is passed on.
    expect(Array.from(remote.root?.data as Float32Array).some(Number.isNaN)).toBe(true)
    expect(Object.keys(remote).sort()).toEqual(['root', 'sum'])
    for (const name of ['sum', 'root']) expect(remote[name]?.data).toEqual(local[name]?.data)
    await session.release()
  })

  test('a large answer of a fixed shape needs no allowance', async () => {
    const { url } = await kserveServer({ models: { remote: unary('Identity', 'float32', [100_000]) } })
    const model = await (await startBackend(url, { maxAnswerBytes: 0 })).open()
    const x = floats(Array.from({ length: 100_000 }, (_, i) => i))
    expect(await model.run({ x })).toEqual({ y: x })
  })

  test('runs at once keep to their lanes, on connections that are kept', async () => {
    let atOnce = 0
    let most = 0
    const held: (() => void)[] = []
    const server = await kserveServer({
      instead: ({ path }, response) => {
        if (!path.endsWith('/infer')) return metadata(path, response)
        most = Math.max(most, ++atOnce)
        held.push(() => {
          atOnce--
          json(response, 200, { outputs: [one] })
        })
        if (held.length === 3) for (const answer of held.splice(0)) answer()
        return true
      },
    })
    const model = await (await startBackend(server.url, { lanes: 2 })).open()
    await Promise.all(Array.from({ length: 6 }, () => model.run({ x: floats([1]) })))
    expect(most).toBe(3)
    expect(server.connections()).toBeLessThanOrEqual(3)
  })

  test('the token is in the header of every request', async () => {
    const { url, seen } = await kserveServer({ models: { remote: unary('Identity', 'float32', [1]) } })
    const model = await (await startBackend(url)).open()
    await model.run({ x: floats([1]) })
    expect(seen.map(({ path }) => path)).toEqual([
      '/v2/health/ready',
      '/v2/models/remote',
      '/v2/models/remote/infer',
    ])
    for (const { headers } of seen) expect(headers.authorization).toBe(`Bearer ${TOKEN}`)
  })

  test('names and versions are paths of their own, below the path of the URL', async () => {
    const { url, seen } = await kserveServer()
    const models = { m: { name: 'a/../b c', version: '2' } }
    const { open } = await startBackend(`${url}/prefix`, { models })
    await expect(open()).rejects.toMatchObject({ code: 'BACKEND_BAD_MODEL' })
    expect(seen.map(({ path }) => path)).toEqual([
      '/prefix/v2/health/ready',
      '/prefix/v2/models/a%2F..%2Fb%20c/versions/2',
    ])
  })

  test('a model that the server refuses to run says why', async () => {
    const { url } = await kserveServer({ models: { remote: unary('Identity', 'float32', [1]) } })
    const { backend, open } = await startBackend(url)
    const model = await open()
    await expect(model.run({ x: floats([1, 2, 3]) })).rejects.toMatchObject({
      code: 'BACKEND_RUN_FAILED',
      retry: false,
      data: { model: 'm' },
      message: expect.stringContaining('; it says: '),
    })
    expect(backend.health()).toEqual({ status: 'ok' })
    expect(await model.run({ x: floats([1]) })).toEqual({ y: floats([1]) })
  })

  test('models that are not there', async () => {
    const { url, seen } = await kserveServer({ models: { other: unary('Identity', 'float32', [1]) } })
    const { backend, open } = await startBackend(url)
    await expect(open()).rejects.toMatchObject({
      code: 'BACKEND_BAD_MODEL',
      message: expect.stringContaining('unknown model'),
    })
    const asked = seen.length
    await expect(open('toString')).rejects.toMatchObject({ code: 'BACKEND_BAD_MODEL' })
    expect(seen.length).toBe(asked)
    expect(backend.health()).toEqual({ status: 'ok' })
  })
})

describe('a server that goes', () => {
  const models = { remote: unary('Identity', 'float32', [1]) }

  test('is away at the start: runs say so, health does, and it is found again', async () => {
    const server = await kserveServer({ models })
    await server.stop()
    const { clock, delays, fire } = handClock()
    const { backend, logs, open } = await startBackend(server.url, {}, clock)
    expect(backend.health()).toMatchObject({ status: 'failed' })
    await expect(open()).rejects.toMatchObject({ code: 'BACKEND_LOST', retry: true })
    expect(delays()).toEqual([5_000])
    await server.restart()
    fire(5_000)
    await expect.poll(() => backend.health()).toEqual({ status: 'ok' })
    expect(delays()).toEqual([])
    expect(logs.map(({ msg }) => msg)).toEqual([
      'Miss the inference server; it is asked again until it is back',
      'Find the inference server again',
    ])
    const model = await open()
    expect(await model.run({ x: floats([1]) })).toEqual({ y: floats([1]) })
  })

  test('in the middle of a run, and comes back: the model goes on', async () => {
    const server = await kserveServer({
      models,
      instead: ({ body }, response) => {
        if (!body.includes(Buffer.from(floats([666]).data.buffer))) return false
        response.writeHead(200, { 'content-length': '1000' }).write('{')
        response.socket?.resetAndDestroy()
        return true
      },
    })
    const { backend, open } = await startBackend(server.url)
    const model = await open()
    await expect(model.run({ x: floats([666]) })).rejects.toMatchObject({ code: 'BACKEND_LOST' })
    expect(backend.health()).toMatchObject({ status: 'failed' })
    expect(await model.run({ x: floats([2]) })).toEqual({ y: floats([2]) })
    expect(backend.health()).toEqual({ status: 'ok' })
  })

  test('a connection that was kept and is gone costs no run', async () => {
    let drop = false
    const server = await kserveServer({
      models,
      instead: (_seen, response) => {
        if (!drop) return false
        drop = false
        response.socket?.resetAndDestroy()
        return true
      },
    })
    const model = await (await startBackend(server.url)).open()
    drop = true
    expect(await model.run({ x: floats([3]) })).toEqual({ y: floats([3]) })
  })

  test('that resets every connection is asked twice, not for ever', async () => {
    let resets = -1
    const held: (() => void)[] = []
    const server = await kserveServer({
      instead: ({ path }, response) => {
        if (!path.endsWith('/infer')) return metadata(path, response)
        if (resets >= 0) {
          resets++
          response.socket?.resetAndDestroy()
        } else held.push(() => json(response, 200, { outputs: [one] }))
        if (held.length === 3) for (const answer of held.splice(0)) answer()
        return true
      },
    })
    const model = await (await startBackend(server.url)).open()
    // Three connections are kept, and each of them would be worth a try.
    await Promise.all([1, 2, 3].map((value) => model.run({ x: floats([value]) })))
    expect(server.connections()).toBe(3)
    resets = 0
    await expect(model.run({ x: floats([3]) })).rejects.toMatchObject({ code: 'BACKEND_LOST' })
    expect(resets).toBe(2)
  })

  test('that is not ready is away', async () => {
    const server = await kserveServer({
      instead: (_seen, response) => {
        json(response, 400, { error: 'still loading' })
        return true
      },
    })
    const { backend } = await startBackend(server.url)
    expect(backend.health()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('still loading'),
    })
  })
})

describe('a run ends', () => {
  const silent = async (timeoutMs: number, clock?: ReturnType<typeof handClock>['clock']) => {
    const asked = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    const server = await kserveServer({
      instead: ({ path }, response) => {
        if (!path.endsWith('/infer')) return metadata(path, response)
        response.on('close', () => gone.resolve())
        // The beginning of an answer is none.
        response.writeHead(200).write('{')
        asked.resolve()
        return true
      },
    })
    const started = await startBackend(server.url, { timeoutMs }, clock)
    const model = await started.open()
    return { ...started, model, asked: asked.promise, gone: gone.promise }
  }

  test('by the time limit: the run did nobody harm', async () => {
    const { clock, fire } = handClock()
    const { model, asked, gone, backend } = await silent(777, clock)
    const run = model.run({ x: floats([1]) })
    const failure = expect(run).rejects.toMatchObject({ code: 'BACKEND_LOST', retry: true })
    await asked
    fire(777)
    await failure
    await gone
    expect(backend.health()).toMatchObject({ status: 'failed', reason: expect.stringContaining('777 ms') })
  })

  test('by the signal, which says nothing of the server', async () => {
    const { model, open, asked, gone, backend } = await silent(10_000)
    const giveUp = new AbortController()
    const failure = expect(model.run({ x: floats([1]) }, giveUp.signal)).rejects.toMatchObject({
      code: 'BACKEND_CANCELLED',
    })
    await asked
    giveUp.abort()
    await model.close()
    await failure
    await gone
    expect(backend.health()).toEqual({ status: 'ok' })
    const another = await open()
    await expect(another.run({ x: floats([1]) }, AbortSignal.abort())).rejects.toMatchObject({
      code: 'BACKEND_CANCELLED',
    })
  })

  test.each(['the model is closed', 'the backend is stopped'])('when %s', async (what) => {
    const { model, asked, gone, backend, logs } = await silent(10_000)
    const failure = expect(model.run({ x: floats([1]) })).rejects.toMatchObject({ code: 'BACKEND_LOST' })
    await asked
    await (what === 'the model is closed' ? model.close() : backend.stop())
    await failure
    await gone
    await expect(model.run({ x: floats([1]) })).rejects.toMatchObject({ code: 'BACKEND_LOST' })
    expect(logs).toEqual([])
    expect(backend.health().status).toBe(what === 'the model is closed' ? 'ok' : 'failed')
  })
})

const one = { name: 'y', datatype: 'FP32', shape: [1], data: [1] }

/** Readiness, and one model whose output `y` is FP32[1]. */
function metadata(path: string, response: Parameters<typeof json>[0]): boolean {
  if (path === '/v2/health/ready') response.writeHead(200).end()
  else
    json(response, 200, {
      name: 'remote',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1] }],
    })
  return true
}
