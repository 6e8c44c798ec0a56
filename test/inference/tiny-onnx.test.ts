import { expect, test } from 'vitest'
import { InferenceSession, Tensor } from '../../node/adapters/onnx/runtime.ts'
import { castTo, node, type OnnxType, onnx, unary } from './tiny-onnx.ts'

const types: OnnxType[] = ['float32', 'float64', 'float16', 'int64', 'int32', 'uint8', 'bool', 'string']

test.each(types)('the runtime opens a model of %s', async (type) => {
  const session = await InferenceSession.create(unary('Identity', type, ['n', 300]))
  expect(session.inputMetadata).toMatchObject([{ name: 'x', type, shape: ['n', 300] }])
  expect(session.outputMetadata).toMatchObject([{ name: 'y', type, shape: ['n', 300] }])
  await session.release()
})

test('nodes, attributes and several outputs are what was asked for', async () => {
  const session = await InferenceSession.create(
    onnx({
      inputs: [{ name: 'x', type: 'float32', shape: [2] }],
      outputs: [
        { name: 'twice', type: 'float32', shape: [2] },
        { name: 'whole', type: 'int64', shape: [2] },
      ],
      nodes: [node('Add', ['x', 'x'], ['twice']), node('Cast', ['twice'], ['whole'], castTo('int64'))],
    }),
  )
  const { twice, whole } = await session.run({ x: new Tensor('float32', Float32Array.of(1.5, -2.25), [2]) })
  expect(twice?.data).toEqual(Float32Array.of(3, -4.5))
  expect(whole?.data).toEqual(BigInt64Array.of(3n, -4n))
  await session.release()
})
