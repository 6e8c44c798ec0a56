import { port, type Tiny } from './tiny-fixture.ts'
import { centering, counting, dividing, filling, lookup, summing, unary } from './tiny-onnx.ts'

const one = (value: number) => ({ x: { shape: [1], values: [value] } })

/** Models that a test can make do harm, and good ones to hold beside them; `over` changes what the manifest says. */
export const tiny = {
  counting: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'counting', bytes: counting() },
    ...{ inputs: [port('x', 'int64', [1])], outputs: [port('y', 'int64', [1])] },
    cases: [{ inputs: one(3), y: [3n] }],
    ...over,
  }),
  filling: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'filling', bytes: filling() },
    ...{ inputs: [port('x', 'int64', [1])], outputs: [port('y', 'float32', [1])] },
    cases: [{ inputs: one(3), y: [0n] }],
    ...over,
  }),
  doubling: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'doubling', bytes: unary('Add', 'float32', ['n', 2], 2), batched: true },
    ...{ inputs: [port('x', 'float32', [null, 2])], outputs: [port('y', 'float32', [null, 2])] },
    cases: [
      { inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [2n, 4n] },
      { inputs: { x: { shape: [2, 2], values: [3, 4, 5, 6] } }, y: [6n, 8n, 10n, 12n] },
    ],
    ...over,
  }),
  lookup: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'lookup', bytes: lookup([10, 20, 30, 40]), batched: true },
    ...{ inputs: [port('x', 'int64', [null])], outputs: [port('y', 'float32', [null])] },
    cases: [{ inputs: { x: { shape: [2], values: [1, 3] } }, y: [20n, 40n] }],
    ...over,
  }),
  dividing: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'dividing', bytes: dividing(), batched: true },
    inputs: [port('a', 'float32', [null]), port('b', 'float32', [null])],
    outputs: [port('y', 'float32', [null])],
    cases: [{ inputs: { a: { shape: [1], values: [6] }, b: { shape: [1], values: [2] } }, y: [3n] }],
    ...over,
  }),
  summing: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'summing', bytes: summing() },
    ...{ inputs: [port('x', 'float32', [null, 2])], outputs: [port('y', 'float32', [null, 2])] },
    cases: [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [1n, 2n] }],
    ...over,
  }),
  centering: (over: Partial<Tiny> = {}): Tiny => ({
    ...{ id: 'centering', bytes: centering() },
    ...{ inputs: [port('x', 'float32', [null, 2])], outputs: [port('y', 'float32', [null, 2])] },
    cases: [
      { inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [0n, 0n] },
      { inputs: { x: { shape: [1, 2], values: [3, 4] } }, y: [0n, 0n] },
    ],
    ...over,
  }),
}
