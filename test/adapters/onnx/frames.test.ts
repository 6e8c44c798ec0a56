import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  decodeFrame,
  encodeFrame,
  lengthAfterPrefix,
  PREFIX_BYTES,
} from '../../../node/adapters/onnx/frames.ts'
import type { Tensor, Tensors } from '../../../node/ports/tensor.ts'

const shaped = <T extends { length: number }>(type: Tensor['type'], data: fc.Arbitrary<T>) =>
  data.map((values) => ({ type, shape: [values.length], data: values }) as unknown as Tensor)

const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  shaped('float32', fc.float32Array()),
  shaped('float64', fc.float64Array()),
  shaped('float16', fc.uint16Array()),
  shaped('int64', fc.bigInt64Array()),
  shaped('int32', fc.int32Array()),
  shaped('uint8', fc.uint8Array()),
  shaped('string', fc.array(fc.string({ unit: 'grapheme' }))),
)
const tensors: fc.Arbitrary<Tensors> = fc
  .array(fc.tuple(fc.string(), tensor))
  .map((entries) => Object.fromEntries(entries.filter(([name]) => name !== '__proto__')))

function joined(pieces: readonly Uint8Array[]) {
  const whole = Buffer.concat(pieces)
  const rest = new Uint8Array(whole.length - PREFIX_BYTES)
  rest.set(whole.subarray(PREFIX_BYTES))
  return { prefix: whole.subarray(0, PREFIX_BYTES), rest }
}

it('a frame comes back as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), tensors, fc.uint8Array(), (head, sent, blob) => {
      const { prefix, rest } = joined(encodeFrame({ ...head }, sent, blob))
      expect(lengthAfterPrefix(prefix)).toBe(rest.length)
      const frame = decodeFrame<object>(prefix, rest)
      expect({ ...frame.head }).toEqual({ ...head })
      expect(frame.tensors).toEqual(sent)
      expect([...frame.blob]).toEqual([...blob])
    }),
  )
})

it('a tensor that lies somewhere in a larger buffer is sent alone', () => {
  const data = new Float32Array([1, 2, 3, 4]).subarray(1, 3)
  const { prefix, rest } = joined(encodeFrame({}, { x: { type: 'float32', shape: [2], data } }))
  expect(decodeFrame(prefix, rest).tensors.x?.data).toEqual(Float32Array.of(2, 3))
})

it('what is no frame is an error, or within its own bytes', () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(tensors, fc.array(change, { minLength: 1, maxLength: 8 }), (sent, changes) => {
      const { prefix, rest } = joined(encodeFrame({ id: 1 }, sent))
      const prefixed = Uint8Array.from(prefix)
      for (const [at, value] of changes) {
        const place = at % (prefixed.length + rest.length)
        if (place < prefixed.length) prefixed[place] = value
        else rest[place - prefixed.length] = value
      }
      try {
        lengthAfterPrefix(prefixed)
        const { tensors: read } = decodeFrame(prefixed, rest)
        for (const { type, data } of Object.values(read))
          if (type !== 'string') expect(data.buffer).toBe(rest.buffer)
      } catch (error) {
        expect([RangeError, SyntaxError, TypeError]).toContain((error as Error).constructor)
      }
    }),
    { numRuns: 500 },
  )
})
