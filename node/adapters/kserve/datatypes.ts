import { type Tensor, type TensorData, type TensorType, tensorTypes } from '../../ports/tensor.ts'

/** KServe's names of the types that a `Tensor` can have. */
const datatypes = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int64: 'INT64',
  int32: 'INT32',
  uint8: 'UINT8',
  bool: 'BOOL',
  string: 'BYTES',
} as const satisfies Record<TensorType, string>

const types = new Map<string, TensorType>(
  (Object.keys(datatypes) as TensorType[]).map((type) => [datatypes[type], type]),
)

export const datatypeOf = (type: TensorType): string => datatypes[type]

/** Undefined: KServe knows the type, a `Tensor` does not. */
export const typeOf = (datatype: string): TensorType | undefined => types.get(datatype)

/** How deep the data of a JSON answer may be nested: dimensions that a shape may have. */
const DEEPEST = 16

/** Elements as they can't be; the text says which and what is wrong. */
export class BadElements extends TypeError {}

// Elements on the wire are little-endian, as is every machine that the runtime's binding for Node is built for. So they
// are copied and never swapped.

/** Elements as the binary tensor data extension has them. A view where it can be: not to be changed until it is sent. */
export function toBytes(tensor: Tensor): Uint8Array {
  if (tensor.type !== 'string')
    return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
  const texts = tensor.data.map((text) => Buffer.from(text, 'utf8'))
  const bytes = Buffer.allocUnsafe(texts.reduce((sum, text) => sum + 4 + text.length, 0))
  let next = 0
  for (const text of texts) {
    next = bytes.writeUInt32LE(text.length, next)
    next += text.copy(bytes, next)
  }
  return bytes
}

/** `count` elements of binary data, in memory of their own. Throws `BadElements`. */
export function fromBytes<T extends TensorType>(type: T, bytes: Uint8Array, count: number): TensorData[T]
export function fromBytes(type: TensorType, bytes: Uint8Array, count: number): Tensor['data'] {
  if (type === 'string') return textsOf(bytes, count)
  const { array, bytes: size } = tensorTypes[type]
  if (bytes.length !== count * size)
    throw new BadElements(`has ${bytes.length} bytes, and its shape says ${count * size}`)
  if (type === 'bool' && bytes.some((byte) => byte > 1))
    throw new BadElements('has bytes that are neither 0 nor 1')
  const own = new Uint8Array(bytes.length)
  own.set(bytes)
  return new array(own.buffer)
}

/** Each element: its length as uint32, then so many bytes, which are UTF-8. */
function textsOf(bytes: Uint8Array, count: number): readonly string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: string[] = []
  let next = 0
  while (next < bytes.length) {
    const start = next + 4
    const end = start <= bytes.length ? start + view.getUint32(next, true) : start
    if (end > bytes.length) throw new BadElements(`ends in the middle of element ${texts.length}`)
    if (texts.length === count)
      throw new BadElements(`has more than the ${count} elements that its shape says`)
    try {
      texts.push(decoder.decode(bytes.subarray(start, end)))
    } catch {
      throw new BadElements(`has an element ${texts.length} that is not UTF-8`)
    }
    next = end
  }
  if (texts.length !== count)
    throw new BadElements(`has ${texts.length} elements, and its shape says ${count}`)
  return texts
}

/**
 * `count` elements of a JSON answer: flat, or nested by the tensor's dimensions. Throws `BadElements`; also for an INT64
 * beyond 2^53, which parsing has rounded already.
 */
export function fromJson<T extends TensorType>(type: T, data: unknown, count: number): TensorData[T]
export function fromJson(type: TensorType, data: unknown, count: number): Tensor['data'] {
  if (type === 'float16') throw new BadElements('is FP16, which only binary data can hold')
  if (!Array.isArray(data)) throw new BadElements('has no data')
  const flat: unknown[] = data.some(Array.isArray) ? data.flat(DEEPEST) : data
  if (flat.length !== count) throw new BadElements(`has ${flat.length} elements, and its shape says ${count}`)
  const wrong = flat.findIndex((value) => !isElement[type](value))
  if (wrong !== -1) throw new BadElements(`has an element ${wrong} that is no ${datatypes[type]}`)
  if (type === 'string') return flat as string[]
  if (type === 'int64') return BigInt64Array.from(flat as number[], BigInt)
  const array: { from(values: readonly unknown[], to: (value: unknown) => number): Tensor['data'] } =
    tensorTypes[type].array
  return array.from(flat, Number)
}

const isInteger = (value: unknown, min: number, max: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max

const isElement: Record<Exclude<TensorType, 'float16'>, (value: unknown) => boolean> = {
  float32: (value) => typeof value === 'number',
  float64: (value) => typeof value === 'number',
  int64: Number.isSafeInteger,
  int32: (value) => isInteger(value, -(2 ** 31), 2 ** 31 - 1),
  uint8: (value) => isInteger(value, 0, 255),
  bool: (value) => typeof value === 'boolean' || value === 0 || value === 1,
  string: (value) => typeof value === 'string',
}
