import { elementsOf, type Tensor, type TensorPort, type Tensors, tensorTypes } from '../ports/tensor.ts'
import type { Operation } from './operations.ts'

/** What an operation can't be done to; the text says why. */
export class OperationFault extends Error {}

/** Of what an operation makes. */
const MAX_ELEMENTS = 2 ** 24

/** Values on their way through the operations. */
interface Values {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

/**
 * Applies `operations` in their order, each to the tensor that it names. Tensors that none names are passed on. Throws
 * `OperationFault`.
 */
export function applyOperations(operations: readonly Operation[], tensors: Tensors): Record<string, Tensor> {
  const named = new Set(operations.map(({ tensor }) => tensor))
  const values = new Map<string, Values>()
  for (const name of named) {
    const tensor = tensors[name]
    if (tensor === undefined) throw new OperationFault(`${name} is missing`)
    values.set(name, { shape: tensor.shape, data: toDoubles(name, tensor) })
  }
  for (const operation of operations) {
    const before = values.get(operation.tensor)
    if (before !== undefined) values.set(operation.tensor, apply(operation, before))
  }
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      const after = values.get(name)
      return [name, after === undefined ? tensor : fromDoubles(tensor.type, after)]
    }),
  )
}

/** The shapes that operations make `expected` of: what a caller has to give. Throws `OperationFault` where none would do. */
export function rawPorts(operations: readonly Operation[], expected: readonly TensorPort[]): TensorPort[] {
  return expected.map((port) => {
    const own = operations.filter(({ tensor }) => tensor === port.name)
    const shape = own.reduceRight<readonly (number | null)[]>(
      (after, operation) => shapeBefore(operation, after),
      port.shape,
    )
    return { ...port, shape }
  })
}

function shapeBefore(operation: Operation, after: readonly (number | null)[]): readonly (number | null)[] {
  const { op, tensor } = operation
  const last = after.at(-1)
  if (last === undefined) throw new OperationFault(`${op} of ${tensor} needs an axis, and there is none`)
  const axes = after.slice(0, -1)
  switch (op) {
    case 'window':
      if (last !== null && last !== operation.size)
        throw new OperationFault(`window of ${tensor} gives ${operation.size} values where ${last} are taken`)
      return [...axes, null]
    case 'log-return':
      return [...axes, last === null ? null : last + 1]
    case 'one-hot':
      if (last !== null && last !== operation.size)
        throw new OperationFault(
          `one-hot of ${tensor} gives ${operation.size} values where ${last} are taken`,
        )
      return axes
    case 'scale':
      for (const factors of [operation.multiply, operation.add])
        if (Array.isArray(factors) && last !== null && factors.length !== last)
          throw new OperationFault(`scale of ${tensor} has ${factors.length} numbers for ${last} places`)
      return after
    case 'clip':
      if (Number(operation.min) > Number(operation.max))
        throw new OperationFault(`clip of ${tensor} has a least value above its greatest`)
      return after
  }
}

function apply(operation: Operation, { shape, data }: Values): Values {
  const { op, tensor } = operation
  const width = shape.at(-1)
  if (op !== 'one-hot' && width === undefined) throw new OperationFault(`${op} of ${tensor} needs an axis`)
  const last = width ?? 1
  const axes = shape.slice(0, -1)
  switch (op) {
    case 'window': {
      const { size } = operation
      if (last < size) throw new OperationFault(`${tensor} has ${last} values, and ${size} are needed`)
      return { shape: [...axes, size], data: rows(data, last, size, (row) => row.subarray(last - size)) }
    }
    case 'log-return': {
      if (last < 2) throw new OperationFault(`${tensor} has ${last} values, and a return needs two`)
      const at = data.findIndex((value) => !(value > 0))
      if (at >= 0) throw new OperationFault(`${tensor}[${at}] is ${data[at]}, and a price is above zero`)
      return {
        shape: [...axes, last - 1],
        data: rows(data, last, last - 1, (row) =>
          row.subarray(1).map((value, i) => Math.log(value / (row[i] as number))),
        ),
      }
    }
    case 'scale': {
      const multiply = factors(operation.multiply, last, tensor)
      const add = factors(operation.add, last, tensor)
      const place = (i: number) => i % last
      return {
        shape,
        data: data.map((value, i) => value * (multiply[place(i)] as number) + (add[place(i)] as number)),
      }
    }
    case 'clip': {
      const [min, max] = [Number(operation.min), Number(operation.max)]
      return { shape, data: data.map((value) => Math.min(max, Math.max(min, value))) }
    }
    case 'one-hot': {
      const { size } = operation
      if (data.length * size > MAX_ELEMENTS)
        throw new OperationFault(
          `${tensor} would have ${data.length * size} values; at most ${MAX_ELEMENTS} are taken`,
        )
      const out = new Float64Array(data.length * size)
      for (const [i, value] of data.entries()) {
        if (!Number.isInteger(value) || value < 0 || value >= size)
          throw new OperationFault(`${tensor}[${i}] is ${value}, and a class is 0 to ${size - 1}`)
        out[i * size + value] = 1
      }
      return { shape: [...shape, size], data: out }
    }
  }
}

function rows(
  data: Float64Array,
  width: number,
  widthAfter: number,
  make: (row: Float64Array) => Float64Array,
): Float64Array {
  const count = data.length / width
  const out = new Float64Array(count * widthAfter)
  for (let i = 0; i < count; i++) out.set(make(data.subarray(i * width, (i + 1) * width)), i * widthAfter)
  return out
}

function factors(given: string | readonly string[], width: number, tensor: string): readonly number[] {
  if (typeof given === 'string') return new Array<number>(width).fill(Number(given))
  if (given.length !== width)
    throw new OperationFault(`scale of ${tensor} has ${given.length} numbers for ${width} places`)
  return given.map(Number)
}

function toDoubles(name: string, tensor: Tensor): Float64Array {
  if (tensor.type === 'string') throw new OperationFault(`${name} is text`)
  if (tensor.type === 'float16') {
    const { buffer, byteOffset, length } = tensor.data
    return Float64Array.from(new Float16Array(buffer, byteOffset, length))
  }
  return Float64Array.from(tensor.data as ArrayLike<number | bigint>, Number)
}

function fromDoubles(type: Tensor['type'], { shape, data }: Values): Tensor {
  if (elementsOf(shape) !== data.length) throw new OperationFault('an operation lost values')
  if (type === 'float16') {
    const half = Float16Array.from(data)
    return { type, shape, data: new Uint16Array(half.buffer) }
  }
  if (type === 'string') throw new OperationFault('text has no numbers')
  if (type === 'float32' || type === 'float64')
    return { type, shape, data: tensorTypes[type].array.from(data) } as Tensor
  const [least, greatest] = bounds[type]
  const at = data.findIndex((value) => !(Math.round(value) >= least && Math.round(value) <= greatest))
  if (at >= 0) throw new OperationFault(`a value becomes ${data[at]}, which no ${type} holds`)
  if (type === 'int64')
    return { type, shape, data: BigInt64Array.from(data, (value) => BigInt(Math.round(value))) }
  return { type, shape, data: tensorTypes[type].array.from(data.map(Math.round)) } as Tensor
}

/** Least and greatest of each type of whole numbers; int64's are those that a double holds exactly. */
const bounds = {
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  bool: [0, 1],
} as const
