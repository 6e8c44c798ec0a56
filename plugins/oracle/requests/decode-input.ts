import { decodeAbiParameters, encodeAbiParameters, size } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { ModelInfo } from '../../../node/ports/inference.ts'
import { elementsOf, type Tensor, type TensorPort, tensorTypes } from '../../../node/ports/tensor.ts'
import { OracleError } from '../errors.ts'

const abi = [{ name: 'values', type: 'int256[]' }] as const

/** `input` argument of a request: fixed-point numbers of the model's `request.decimals`, input after input, row-major. */
export function encodeInput(values: readonly bigint[]): Hex {
  return encodeAbiParameters(abi, [values])
}

/**
 * A request's input as the tensors that the model's preprocessing begins with: one row of a batched model, and of one
 * size that is not fixed as much as there is. Throws `ORACLE_BAD_INPUT`, which every validator does alike.
 */
export function decodeInput(model: ModelInfo, input: Hex): Record<string, Tensor> {
  if (model.request === null) throw bad(`contracts can't ask model ${model.id}`)
  const values = numbersOf(input)
  const ports = model.rawInputs.map((port) => ({
    ...port,
    shape: model.batched ? [1, ...port.shape.slice(1)] : port.shape,
  }))
  const shapes = shapesFor(ports, values.length)
  const scale = 10 ** model.request.decimals
  const tensors: Record<string, Tensor> = {}
  let at = 0
  for (const [i, { name, type }] of ports.entries()) {
    const shape = shapes[i] ?? []
    const count = elementsOf(shape)
    tensors[name] = tensorOf(type, shape, values.slice(at, at + count), scale)
    at += count
  }
  return tensors
}

function numbersOf(input: Hex): readonly bigint[] {
  try {
    const [values] = decodeAbiParameters(abi, input)
    // ABI decoding is lenient about offsets and what follows.
    if (size(encodeInput(values)) === size(input) && encodeInput(values) === input) return values
  } catch {
    // Told below.
  }
  throw bad('the input is not abi.encode(int256[])')
}

function shapesFor(
  ports: readonly { readonly shape: readonly (number | null)[] }[],
  count: number,
): readonly (readonly number[])[] {
  const open = ports.flatMap(({ shape }) => shape).filter((each) => each === null).length
  if (open > 1)
    throw bad('the model has more than one size that is not fixed, so nobody can tell what belongs where')
  const fixed = (shape: readonly (number | null)[]) => elementsOf(shape.map((each) => each ?? 1))
  const closed = ports
    .filter(({ shape }) => !shape.includes(null))
    .reduce((sum, { shape }) => sum + fixed(shape), 0)
  const free = ports.find(({ shape }) => shape.includes(null))
  const rest = count - closed
  const step = free === undefined ? 1 : fixed(free.shape)
  if (free === undefined ? rest !== 0 : rest < step || rest % step !== 0)
    throw bad(`the input has ${count} numbers, and the model takes ${describe(closed, free, step)}`)
  return ports.map(({ shape }) => shape.map((each) => each ?? rest / step))
}

function describe(closed: number, free: unknown, step: number): string {
  if (free === undefined) return String(closed)
  return closed === 0 ? `a multiple of ${step}` : `${closed} and a multiple of ${step}`
}

function tensorOf(
  type: TensorPort['type'],
  shape: readonly number[],
  values: readonly bigint[],
  scale: number,
): Tensor {
  if (type === 'string') throw bad('a contract has no text to give')
  const numbers = values.map((value) => Number(value) / scale)
  if (type === 'float32' || type === 'float64') {
    const data = tensorTypes[type].array.from(numbers)
    return { type, shape, data } as Tensor
  }
  if (type === 'float16') return { type, shape, data: new Uint16Array(Float16Array.from(numbers).buffer) }
  const wrong = numbers.findIndex((value) => !Number.isSafeInteger(value) || !fits(type, value))
  if (wrong >= 0) throw bad(`number ${wrong} of the input is no ${type}`)
  if (type === 'int64') return { type, shape, data: BigInt64Array.from(numbers, BigInt) }
  return { type, shape, data: tensorTypes[type].array.from(numbers) } as Tensor
}

function fits(type: TensorPort['type'], value: number): boolean {
  if (type === 'bool') return value === 0 || value === 1
  if (type === 'uint8') return value >= 0 && value < 256
  return type === 'int64' || (value >= -(2 ** 31) && value < 2 ** 31)
}

const bad = (why: string) => new OracleError('ORACLE_BAD_INPUT', why)
