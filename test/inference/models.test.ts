import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../node/ports/tensor.ts'
import { start } from './fixture.ts'
import { float32, int64, port, type Tiny, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { type OnnxType, unary } from './tiny-onnx.ts'
import { tiny } from './tiny-set.ts'

const half = (...values: number[]) => new Uint16Array(Float16Array.from(values).buffer)

describe('element types', () => {
  const identity = (type: OnnxType, values: (number | string)[], y: (string | bigint)[]): Tiny => ({
    ...{ id: `same-${type}`, bytes: unary('Identity', type, [2]) },
    ...{ inputs: [port('x', type, [2])], outputs: [port('y', type, [2])] },
    cases: [{ inputs: { x: { shape: [2], values } }, y }],
  })

  it.each<[OnnxType, Tensor, readonly bigint[]]>([
    ['float32', { type: 'float32', shape: [2], data: Float32Array.of(1.5, -2.5) }, [2n, -3n]],
    ['float64', { type: 'float64', shape: [2], data: Float64Array.of(0.5, 1e15) }, [1n, 10n ** 15n]],
    ['float16', { type: 'float16', shape: [2], data: half(0.5, -65504) }, [1n, -65504n]],
    ['int64', { type: 'int64', shape: [2], data: BigInt64Array.of(2n ** 62n, -5n) }, [2n ** 62n, -5n]],
    ['int32', { type: 'int32', shape: [2], data: Int32Array.of(7, -7) }, [7n, -7n]],
    ['uint8', { type: 'uint8', shape: [2], data: Uint8Array.of(255, 0) }, [255n, 0n]],
    ['bool', { type: 'bool', shape: [2], data: Uint8Array.of(1, 0) }, [1n, 0n]],
  ])('%s goes through the worker as it is', async (type, x, quantized) => {
    const path = await writeTiny(await tinyFolder(), [identity(type, [1, 0], [1n, 0n])])
    const { inference } = await start(path)
    expect(inference.models()[0]?.status).toEqual({ ok: true })
    const answer = await inference.run({ model: `same-${type}`, inputs: { x } })
    expect(answer.outputs.y).toEqual(x)
    expect(answer.quantized).toEqual(quantized)
  })

  it('text goes through the worker as it is', async () => {
    const length: Tiny = {
      ...{ id: 'texts', bytes: unary('Identity', 'string', [2]) },
      ...{ inputs: [port('x', 'string', [2])], outputs: [port('y', 'string', [2])] },
      cases: [{ inputs: { x: { shape: [2], values: ['a', 'b'] } }, y: ['0'] }],
    }
    const path = await writeTiny(await tinyFolder(), [length])
    // An output of text has no numbers to agree on: the manifest is not accepted.
    await expect(start(path)).rejects.toMatchObject({ code: 'INFERENCE_BAD_MANIFEST' })
  })
})

describe('what a model must not do', () => {
  it('answers that are not finite are refused with their place', async () => {
    const { inference } = await start(await writeTiny(await tinyFolder(), [tiny.dividing()]))
    for (const [a, b] of [
      [1, 0],
      [0, 0],
    ] as const) {
      const inputs = { a: float32([2], 6, a), b: float32([2], 2, b) }
      await expect(inference.run({ model: 'dividing', inputs })).rejects.toMatchObject({
        code: 'INFERENCE_NOT_FINITE',
        retry: false,
        message: expect.stringContaining('y[1]'),
      })
    }
  })

  it('an operator that the runtime does not know is told', async () => {
    const bytes = unary('NoSuchOperator', 'float32', [2])
    const unknown = { ...tiny.doubling(), id: 'unknown', bytes }
    const { inference } = await start(await writeTiny(await tinyFolder(), [unknown, tiny.lookup()]))
    expect(inference.models().map(({ status }) => status)).toMatchObject([
      { ok: false, reason: expect.stringContaining('NoSuchOperator') },
      { ok: true },
    ])
  })

  it('rows that depend on each other are found when it is loaded', async () => {
    const path = await writeTiny(await tinyFolder(), [
      tiny.centering({ batched: true }),
      tiny.centering({ version: '2', batched: false }),
      tiny.summing({ batched: true }),
    ])
    const { inference } = await start(path)
    expect(inference.models().map(({ status }) => status)).toMatchObject([
      { ok: false, reason: expect.stringContaining('rows depend on each other') },
      { ok: true },
      { ok: false, reason: expect.stringContaining('row for each row') },
    ])
  })

  it('postprocessing that leaves the finite numbers is no answer', async () => {
    const scale = { op: 'scale', tensor: 'y', multiply: '100000000000000000', add: '0' }
    const steps = Array.from({ length: 3 }, () => scale)
    const model = tiny.doubling({
      cases: [{ inputs: { x: { shape: [1, 2], values: [0, 0] } }, y: [0n, 0n] }],
      entry: { postprocessing: steps },
    })
    const { inference } = await start(await writeTiny(await tinyFolder(), [model]))
    await expect(
      inference.run({ model: 'doubling', inputs: { x: float32([1, 2], 1, 1) } }),
    ).rejects.toMatchObject({ code: 'INFERENCE_NOT_FINITE' })
  })

  it('raw inputs are checked before anything is made of them', async () => {
    const model: Tiny = {
      ...{ id: 'classes', bytes: unary('Identity', 'float32', ['n', 65536]) },
      inputs: [port('x', 'float32', [null, 65536])],
      outputs: [port('y', 'float32', [null, 65536])],
      cases: [
        { inputs: { x: { shape: [1, 65536], values: Array(65536).fill(0) } }, y: Array(65536).fill('0') },
      ],
      entry: { preprocessing: [{ op: 'one-hot', tensor: 'x', size: 65536 }] },
    }
    const { inference } = await start(await writeTiny(await tinyFolder(), [model]))
    expect(inference.models()[0]?.status).toEqual({ ok: true })
    const run = (x: Tensor) => inference.run({ model: 'classes', inputs: { x }, raw: true })
    await expect(run(float32([1_000_000], ...Array(1_000_000).fill(0)))).rejects.toMatchObject({
      code: 'INFERENCE_BAD_INPUT',
    })
    await expect(run(float32([2], 1))).rejects.toMatchObject({ code: 'INFERENCE_BAD_INPUT' })
    await expect(run(int64(1))).rejects.toMatchObject({ code: 'INFERENCE_BAD_INPUT' })
    expect((await run(float32([1], 7))).outputs.y?.data[7]).toBe(1)
  })
})
