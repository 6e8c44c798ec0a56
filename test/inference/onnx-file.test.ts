import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSession } from '../../node/adapters/onnx/session.ts'
import { OnnxFileError, readOnnx } from '../../node/inference/onnx-file.ts'
import { shipped, start } from './fixture.ts'
import { port, type Tiny, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { borrowing, counting, lookup, part, summing, unary, varint, whole } from './tiny-onnx.ts'
import { tiny } from './tiny-set.ts'

const code = (bytes: Uint8Array): string => {
  try {
    readOnnx(bytes)
    return 'read'
  } catch (error) {
    return error instanceof OnnxFileError ? error.code : String(error)
  }
}

describe('what a file says of itself', () => {
  it('is what was written', () => {
    expect(readOnnx(lookup([1, 2, 3, 4]))).toEqual({
      ...{ producer: 'tiny-onnx', opset: 17 },
      inputs: [{ name: 'x', type: 'int64', shape: [null] }],
      outputs: [{ name: 'y', type: 'float32', shape: [null] }],
      ...{ operators: { Gather: 1 }, externalData: [], parameters: 4 },
    })
    // Operators of the loop's body too.
    expect(readOnnx(counting()).operators).toEqual({ Add: 1, Identity: 1, Loop: 1, Squeeze: 1 })
  })

  it.each<[string, () => Promise<Uint8Array> | Uint8Array]>([
    ['the shipped model', () => readFile(join(shipped, 'volatility/volatility.onnx'))],
    ['texts', () => unary('Identity', 'string', [2, 'n'])],
    ['half floats', () => unary('Identity', 'float16', [1])],
    ['rows', summing],
  ])('is what the runtime says too: %s', async (_, make) => {
    const bytes = await make()
    const session = await openSession(bytes, { provider: 'cpu', threads: 1 })
    const known = (ports: readonly { name: string; type: string; shape: readonly unknown[] }[]) =>
      ports.map(({ name, type, shape }) => [
        name,
        type,
        shape.map((size) => (typeof size === 'number' ? size : null)),
      ])
    const file = readOnnx(bytes)
    expect(known(file.inputs)).toEqual(known(session.inputs))
    expect(file.outputs.map(({ name }) => name)).toEqual(session.outputs.map(({ name }) => name))
    await session.release()
  })

  it('names files that constants lie in', () => {
    expect(readOnnx(borrowing('../../etc/passwd')).externalData).toEqual(['../../etc/passwd'])
    // Without a location, and without the flag, it is external all the same.
    const bare = (tensor: Uint8Array) => Buffer.concat([part(7, part(5, tensor)), part(8, whole(2, 17))])
    expect(readOnnx(bare(whole(14, 1))).externalData).toEqual([''])
    const entry = Buffer.concat([part(1, 'location'), part(2, 'w.bin')])
    expect(readOnnx(bare(part(13, entry))).externalData).toEqual(['w.bin'])
    // In an attribute of a node.
    const node = part(1, part(5, part(5, part(13, entry))))
    expect(readOnnx(Buffer.concat([part(7, node), part(8, whole(2, 17))])).externalData).toEqual(['w.bin'])
  })
})

describe('a file that is none', () => {
  it('is an error wherever it is cut off, and quickly', () => {
    const bytes = counting()
    // What is left may be whole by chance, where a field of the outermost message ends.
    const codes = Array.from({ length: bytes.length }, (_, i) => code(bytes.subarray(0, i)))
    expect(new Set(codes)).toEqual(new Set(['ONNX_MALFORMED']))
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'ONNX_MALFORMED'],
    ['text', Buffer.from('not a model at all'), 'ONNX_MALFORMED'],
    ['an endless number', Buffer.alloc(1_000, 0xff), 'ONNX_MALFORMED'],
    ['a length beyond the file', Buffer.concat([varint(7 * 8 + 2), varint(2 ** 50)]), 'ONNX_MALFORMED'],
    ['a length beyond its part', part(7, Buffer.concat([varint(8 + 2), varint(100)])), 'ONNX_MALFORMED'],
    ['a graph that is a number', Buffer.concat([whole(7, 1), part(8, whole(2, 17))]), 'ONNX_MALFORMED'],
    ['nesting', nested(5_000), 'ONNX_TOO_COMPLEX'],
    ['many parts', part(7, Buffer.alloc(9_000_000, Buffer.from([0x0a, 0]))), 'ONNX_TOO_COMPLEX'],
  ])('%s', (_, bytes, expected) => {
    const began = performance.now()
    expect(code(bytes)).toBe(expected)
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('is read or is an error, never anything else', () => {
    const whole = counting()
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }))),
        (changes) => {
          const bytes = Buffer.from(whole)
          for (const [at, value] of changes) bytes[at] = value
          expect(['read', 'ONNX_MALFORMED', 'ONNX_TOO_COMPLEX']).toContain(code(bytes))
        },
      ),
      { numRuns: 500 },
    )
  })
})

it('a model with data elsewhere is refused before the runtime sees it', async () => {
  const far: Tiny = {
    ...{ id: 'far', bytes: borrowing('../../etc/passwd') },
    ...{ inputs: [port('x', 'float32', [4])], outputs: [port('y', 'float32', [4])] },
    cases: [{ inputs: { x: { shape: [4], values: [1, 2, 3, 4] } }, y: [1n, 2n, 3n, 4n] }],
  }
  const other = tiny.lookup({ entry: { opset: 18 } })
  const { inference } = await start(await writeTiny(await tinyFolder(), [far, other, tiny.counting()]))
  expect(inference.models().map(({ status }) => status)).toMatchObject([
    { ok: false, reason: expect.stringContaining('as one file') },
    { ok: false, reason: expect.stringContaining('operator set is 17') },
    { ok: true },
  ])
})

/** Graphs in attributes of nodes in graphs. */
function nested(depth: number): Buffer {
  let inner = Buffer.alloc(0)
  for (let i = 0; i < depth; i++) inner = part(1, part(5, part(6, inner)))
  return part(7, inner)
}
