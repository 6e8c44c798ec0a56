/**
 * Element types by ONNX's own names, with the array that holds them and the bytes of one element. `string` holds byte
 * strings of any length (KServe's `BYTES`).
 */
export const tensorTypes = {
  float32: { array: Float32Array, bytes: 4 },
  float64: { array: Float64Array, bytes: 8 },
  /** IEEE 754 binary16, as bit patterns. */
  float16: { array: Uint16Array, bytes: 2 },
  int64: { array: BigInt64Array, bytes: 8 },
  int32: { array: Int32Array, bytes: 4 },
  uint8: { array: Uint8Array, bytes: 1 },
  /** One byte each, 0 or 1. */
  bool: { array: Uint8Array, bytes: 1 },
  string: { array: Array, bytes: 0 },
} as const

export type TensorType = keyof typeof tensorTypes

/** What holds the elements of each type. */
export interface TensorData {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly float16: Uint16Array
  readonly int64: BigInt64Array
  readonly int32: Int32Array
  readonly uint8: Uint8Array
  readonly bool: Uint8Array
  readonly string: readonly string[]
}

export interface TensorOf<T extends TensorType> {
  readonly type: T
  readonly shape: readonly number[]
  readonly data: TensorData[T]
}

/** Row-major tensor; `data.length` is the product of `shape`. */
export type Tensor = { [T in TensorType]: TensorOf<T> }[TensorType]

export type Tensors = Readonly<Record<string, Tensor>>

/** Name, element type and shape of an input or output; null is a dynamic size. */
export interface TensorPort {
  readonly name: string
  readonly type: TensorType
  readonly shape: readonly (number | null)[]
}

/** Number of elements of a shape; 1 for a scalar, whose shape is empty. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Memory of the elements, about. */
export function bytesOf(tensors: Tensors): number {
  let bytes = 0
  for (const { type, data } of Object.values(tensors))
    bytes +=
      type === 'string'
        ? data.reduce((sum, text) => sum + 2 * text.length + 8, 0)
        : data.length * tensorTypes[type].bytes
  return bytes
}
