import { describe, expect, test } from 'vitest'
import type { ModelInfo } from '../../../../node/ports/inference.ts'
import { decodeInput, encodeInput } from '../../../../plugins/oracle/requests/decode-input.ts'
import { scriptedInference } from '../../../fakes/inference.ts'
import { askable, MODEL } from './kit.ts'

function model(changes: Partial<ModelInfo> = {}): ModelInfo {
  const inference = scriptedInference(MODEL)
  inference.set({ ...askable, ...changes })
  const [info] = inference.models()
  if (info === undefined) throw new TypeError('no model')
  return info
}

describe('the input of a request', () => {
  test('is one row of numbers in fixed point', () => {
    const tensors = decodeInput(model(), encodeInput([1_500_000n, -2_000_000n]))
    expect(tensors.features).toEqual({ type: 'float32', shape: [1, 2], data: Float32Array.of(1.5, -2) })
  })

  test('fills one size that is not fixed, and several inputs one after the other', () => {
    const rawInputs = [
      { name: 'kind', type: 'int64', shape: [1] },
      { name: 'window', type: 'float64', shape: [2, null] },
    ] as const
    const tensors = decodeInput(
      model({ batched: false, rawInputs, request: { decimals: 0 } }),
      encodeInput([7n, 1n, 2n, 3n, 4n]),
    )
    expect(tensors).toEqual({
      kind: { type: 'int64', shape: [1], data: BigInt64Array.of(7n) },
      window: { type: 'float64', shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) },
    })
  })

  test.each<[string, Partial<ModelInfo>, `0x${string}`]>([
    ['too few numbers', {}, encodeInput([1n])],
    ['too many numbers', {}, encodeInput([1n, 2n, 3n])],
    ['nothing', {}, '0x'],
    ['bytes that are no list', {}, '0x1234'],
    ['a list with something behind it', {}, `${encodeInput([1n, 2n])}${'00'.repeat(32)}`],
    ['a model that contracts can not ask', { request: null }, encodeInput([1n, 2n])],
    [
      'two sizes that are not fixed',
      { rawInputs: [{ name: 'a', type: 'float32', shape: [null, null, null] }] },
      encodeInput([1n, 2n]),
    ],
    [
      'a fraction where a whole number is wanted',
      { rawInputs: [{ name: 'a', type: 'int32', shape: [null, 1] }] },
      encodeInput([1n]),
    ],
    [
      'a number that does not fit',
      { rawInputs: [{ name: 'a', type: 'uint8', shape: [null, 1] }], request: { decimals: 0 } },
      encodeInput([256n]),
    ],
  ])('is refused: %s', (_, changes, input) => {
    expect(() => decodeInput(model(changes), input)).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_INPUT' }),
    )
  })
})
