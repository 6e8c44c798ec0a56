// ONNX files for tests, written field by field (protobuf's wire format, field numbers of onnx.proto).

/** `TensorProto.DataType`. */
const types = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
} as const
export type OnnxType = keyof typeof types

export interface Port {
  readonly name: string
  readonly type: OnnxType
  /** A text is the name of a dynamic size. */
  readonly shape: readonly (number | string)[]
}

interface Graph {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly nodes: readonly Uint8Array[]
  readonly constants?: readonly Uint8Array[]
}

/** A varint; negative numbers as two's complement of 64 bits. */
export function varint(value: number | bigint): Buffer {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(out)
}

/** A field of varint type. */
export const whole = (field: number, value: number | bigint) =>
  Buffer.concat([varint(field * 8), varint(value)])
/** A field of bytes: text, or a message inside. */
export const part = (field: number, content: Uint8Array | string) => {
  const bytes = Buffer.from(content as string)
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes])
}
const message = (field: number, parts: readonly Uint8Array[]) => part(field, Buffer.concat(parts))

function valueInfo(field: number, { name, type, shape }: Port): Buffer {
  const dims = shape.map((size) => message(1, [typeof size === 'number' ? whole(1, size) : part(2, size)]))
  return message(field, [part(1, name), message(2, [message(1, [whole(1, types[type]), message(2, dims)])])])
}

/** The attribute `to` of `Cast`. */
export const castTo = (type: OnnxType): { readonly to: number } => ({ to: types[type] })

type Attribute = number | readonly number[] | Graph

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => part(1, name)),
    ...outputs.map((name) => part(2, name)),
    part(4, op),
    ...Object.entries(attributes).map(([name, value]) => message(5, [part(1, name), ...attribute(value)])),
  ])
}

function attribute(value: Attribute): Buffer[] {
  if (typeof value === 'number') return [whole(3, value), whole(20, 2)]
  if ('nodes' in value) return [part(6, graph(value)), whole(20, 5)]
  return [...value.map((each) => whole(8, each)), whole(20, 7)]
}

/** A constant of int64 or float32. */
export function constant(
  name: string,
  values: readonly number[] | readonly bigint[],
  shape: readonly number[],
): Buffer {
  const isWhole = values.every((value) => typeof value === 'bigint')
  const raw = isWhole ? BigInt64Array.from(values) : Float32Array.from(values as number[])
  return Buffer.concat([
    ...shape.map((size) => whole(1, size)),
    whole(2, isWhole ? types.int64 : types.float32),
    part(8, name),
    part(9, new Uint8Array(raw.buffer)),
  ])
}

/** A constant of float32 whose values are said to lie in another file. */
export function outside(name: string, size: number, location: string): Buffer {
  return Buffer.concat([
    ...[whole(1, size), whole(2, types.float32), part(8, name)],
    message(13, [part(1, 'location'), part(2, location)]),
    whole(14, 1),
  ])
}

function graph({ inputs, outputs, nodes, constants = [] }: Graph): Buffer {
  return Buffer.concat([
    ...nodes.map((each) => part(1, each)),
    part(2, 'tiny'),
    ...constants.map((each) => part(5, each)),
    ...inputs.map((port) => valueInfo(11, port)),
    ...outputs.map((port) => valueInfo(12, port)),
  ])
}

/** An ONNX file of opset 17. */
export function onnx(of: Graph): Buffer {
  return Buffer.concat([whole(1, 8), part(2, 'tiny-onnx'), part(7, graph(of)), message(8, [whole(2, 17)])])
}

/** `y`, of the same type and shape as `x`, from one operator; two operands are `x` twice. */
export function unary(op: string, type: OnnxType, shape: Port['shape'], operands = 1): Buffer {
  return onnx({
    inputs: [{ name: 'x', type, shape }],
    outputs: [{ name: 'y', type, shape }],
    nodes: [node(op, Array(operands).fill('x'), ['y'])],
  })
}

/** `y` = `x`, counted one by one: runs practically for ever when `x` is large. int64 [1]. */
export function counting(): Buffer {
  const scalar = (name: string, type: OnnxType): Port => ({ name, type, shape: [] })
  const whole1 = (name: string): Port => ({ name, type: 'int64', shape: [1] })
  const body: Graph = {
    inputs: [scalar('i', 'int64'), scalar('go', 'bool'), whole1('v')],
    outputs: [scalar('goOn', 'bool'), whole1('next')],
    nodes: [node('Identity', ['go'], ['goOn']), node('Add', ['v', 'one'], ['next'])],
  }
  return onnx({
    inputs: [whole1('x')],
    outputs: [whole1('y')],
    constants: [constant('one', [1n], [1]), constant('none', [0n], [1]), constant('flat', [], [0])],
    nodes: [node('Squeeze', ['x'], ['times']), node('Loop', ['times', '', 'none'], ['y'], { body })],
  })
}

/** Fills `x` float32 values and answers 0 in float32 [1]: a memory hog when `x`, int64 [1], is large. */
export function filling(): Buffer {
  return onnx({
    inputs: [{ name: 'x', type: 'int64', shape: [1] }],
    outputs: [{ name: 'y', type: 'float32', shape: [1] }],
    nodes: [
      node('ConstantOfShape', ['x'], ['full']),
      node('ReduceMax', ['full'], ['y'], { axes: [0], keepdims: 1 }),
    ],
  })
}

/** `y` = `table[x]`: rows of int64 to rows of float32; an `x` outside the table is an error of the run. */
export function lookup(table: readonly number[]): Buffer {
  return onnx({
    inputs: [{ name: 'x', type: 'int64', shape: ['n'] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['n'] }],
    constants: [constant('table', table, [table.length])],
    nodes: [node('Gather', ['table', 'x'], ['y'])],
  })
}

const pair = (name: string): Port => ({ name, type: 'float32', shape: ['n', 2] })

/** Sums its rows: the output has one row, whatever the input has, and is described as if it had as many. */
export function summing(): Buffer {
  return onnx({
    inputs: [pair('x')],
    outputs: [pair('y')],
    constants: [constant('axes', [0n], [1])],
    nodes: [node('ReduceSum', ['x', 'axes'], ['y'], { keepdims: 1 })],
  })
}

/** Subtracts the mean of all rows from each: rows that depend on each other. */
export function centering(): Buffer {
  return onnx({
    inputs: [pair('x')],
    outputs: [pair('y')],
    nodes: [
      node('ReduceMean', ['x'], ['mean'], { axes: [0], keepdims: 1 }),
      node('Sub', ['x', 'mean'], ['y']),
    ],
  })
}

/** `y` = `a` / `b`, in rows of float32. */
export function dividing(): Buffer {
  const row = (name: string): Port => ({ name, type: 'float32', shape: ['n'] })
  return onnx({
    inputs: [row('a'), row('b')],
    outputs: [row('y')],
    nodes: [node('Div', ['a', 'b'], ['y'])],
  })
}

/** `y` = `x` + a constant whose values are said to lie in `location`. */
export function borrowing(location: string): Buffer {
  const row = (name: string): Port => ({ name, type: 'float32', shape: [4] })
  return onnx({
    inputs: [row('x')],
    outputs: [row('y')],
    constants: [outside('far', 4, location)],
    nodes: [node('Add', ['x', 'far'], ['y'])],
  })
}

/** `same` = `x`, texts; `y` = `n`, a number. */
export function textAndNumber(): Buffer {
  const texts = (name: string): Port => ({ name, type: 'string', shape: [2] })
  const number = (name: string): Port => ({ name, type: 'float32', shape: [1] })
  return onnx({
    inputs: [texts('x'), number('n')],
    outputs: [texts('same'), number('y')],
    nodes: [node('Identity', ['x'], ['same']), node('Identity', ['n'], ['y'])],
  })
}
