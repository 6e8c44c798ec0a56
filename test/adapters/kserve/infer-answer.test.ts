import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BadAnswer, inferAnswer } from '../../../node/adapters/kserve/infer-answer.ts'
import { elementsOf, tensorTypes } from '../../../node/ports/tensor.ts'

const outputs = [
  { name: 'y', type: 'float32', shape: ['?', 2] },
  { name: 't', type: 'string', shape: [2] },
  { name: 'b', type: 'bool', shape: [] },
] as const
const expected = { id: '7', name: 'm', version: '1', outputs }

const described = (name: string, datatype: string, shape: readonly number[], size: number) => ({
  name,
  datatype,
  shape,
  parameters: { binary_data_size: size },
})
const header = Buffer.from(
  JSON.stringify({
    id: '7',
    model_name: 'm',
    model_version: '1',
    outputs: [
      described('y', 'FP32', [3, 2], 24),
      described('t', 'BYTES', [2], 11),
      described('b', 'BOOL', [], 1),
    ],
  }),
)
const good = Buffer.concat([
  header,
  Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer),
  Buffer.from([3, 0, 0, 0, 97, 98, 99, 0, 0, 0, 0]),
  Buffer.from([1]),
])

/** What is taken has the names, types, shapes and sizes that were promised; all else is `BadAnswer`, and nothing else. */
function judge(body: Uint8Array, length: string | undefined): boolean {
  let taken: ReturnType<typeof inferAnswer>
  try {
    taken = inferAnswer(body, length, expected)
  } catch (error) {
    expect(error).toBeInstanceOf(BadAnswer)
    return false
  }
  expect(Object.keys(taken).sort()).toEqual(['b', 't', 'y'])
  for (const { name, type, shape } of outputs) {
    const tensor = taken[name]
    expect(tensor?.type).toBe(type)
    expect(tensor?.data).toBeInstanceOf(tensorTypes[type].array)
    expect(tensor?.shape.length).toBe(shape.length)
    expect(tensor?.data.length).toBe(elementsOf(tensor?.shape ?? []))
  }
  return true
}

test('the answer that is then spoiled is good', () => {
  expect(inferAnswer(good, String(header.length), expected)).toEqual({
    y: { type: 'float32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    t: { type: 'string', shape: [2], data: ['abc', ''] },
    b: { type: 'bool', shape: [], data: Uint8Array.of(1) },
  })
})

test('a bool is 0 or 1', () => {
  const body = Buffer.from(good)
  body[body.length - 1] = 2
  expect(() => inferAnswer(body, String(header.length), expected)).toThrow(BadAnswer)
})

test('bytes changed, left out and put in anywhere', () => {
  let taken = 0
  const spoiled = fc.array(
    fc.record({ at: fc.nat(good.length), take: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) }),
    { minLength: 1, maxLength: 3 },
  )
  fc.assert(
    fc.property(spoiled, fc.integer({ min: -2, max: 2 }), (edits, off) => {
      let body = good
      for (const { at, take, put } of edits)
        body = Buffer.concat([body.subarray(0, at), put, body.subarray(at + take)])
      if (judge(body, String(header.length + off))) taken++
    }),
    { numRuns: 3_000 },
  )
  // Some changes are of values alone.
  expect(taken).toBeGreaterThan(0)
})

test('headers of any JSON', () => {
  const output = fc.record(
    {
      name: fc.constantFrom('y', 't', 'b', 'z'),
      datatype: fc.constantFrom('FP32', 'BYTES', 'BOOL', 'FP16', ''),
      shape: fc.oneof(
        fc.constantFrom([3, 2], [2], []),
        fc.array(fc.oneof(fc.nat(4), fc.double()), { maxLength: 3 }),
      ),
      data: fc.oneof(fc.array(fc.constantFrom(0, 1, 'a', true, null, [1]), { maxLength: 6 }), fc.jsonValue()),
      parameters: fc.oneof(
        fc.record({ binary_data_size: fc.oneof(fc.constantFrom(24, 11, 1), fc.integer(), fc.double()) }),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: ['name'] },
  )
  const answer = fc.oneof(
    fc.record({ outputs: fc.array(output, { maxLength: 4 }) }, { requiredKeys: [] }),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(answer, (value) => {
      const head = Buffer.from(JSON.stringify(value))
      judge(Buffer.concat([head, good.subarray(header.length)]), String(head.length))
      judge(head, undefined)
    }),
    { numRuns: 3_000 },
  )
})
