// ONNX files of a few nodes, written field by field (protobuf's wire format; field numbers are those of onnx.proto3).

/** `onnx.TensorProto.DataType`. */
const elementTypes = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
} as const

export type TinyType = keyof typeof elementTypes

export interface TinyPort {
  readonly name: string
  readonly type: TinyType
  /** A text is the name of a dynamic size. */
  readonly shape: readonly (number | string)[]
}

export interface TinyNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Integer attributes. */
  readonly attributes?: Readonly<Record<string, number>>
}

export interface TinyModel {
  readonly inputs: readonly TinyPort[]
  readonly outputs: readonly TinyPort[]
  readonly nodes: readonly TinyNode[]
}

const OPSET = 17
const IR_VERSION = 8

/** The bytes of an ONNX file. */
export function tinyModel({ inputs, outputs, nodes }: TinyModel): Uint8Array {
  const graph = [
    ...nodes.map((node) => block(1, nodeProto(node))),
    text(2, 'tiny'),
    ...inputs.map((port) => block(11, valueInfo(port))),
    ...outputs.map((port) => block(12, valueInfo(port))),
  ]
  return Buffer.concat([number(1, IR_VERSION), block(7, graph), block(8, [text(1, ''), number(2, OPSET)])])
}

/** A model of one node: `y` is what `op` makes of `x` alone, or, for an operator of two inputs, of `x` twice. */
export function tinyUnary(op: string, type: TinyType, shape: TinyPort['shape'], operands = 1): Uint8Array {
  return tinyModel({
    inputs: [{ name: 'x', type, shape }],
    outputs: [{ name: 'y', type, shape }],
    nodes: [{ op, inputs: Array(operands).fill('x'), outputs: ['y'] }],
  })
}

/** The attribute `to` of `Cast`. */
export const castTo = (type: TinyType): { readonly to: number } => ({ to: elementTypes[type] })

const nodeProto = ({ op, inputs, outputs, attributes = {} }: TinyNode): Uint8Array[] => [
  ...inputs.map((name) => text(1, name)),
  ...outputs.map((name) => text(2, name)),
  text(4, op),
  ...Object.entries(attributes).map(([name, value]) =>
    block(5, [text(1, name), number(3, value), number(20, 2)]),
  ),
]

const valueInfo = ({ name, type, shape }: TinyPort): Uint8Array[] => {
  const sizes = shape.map((size) => block(1, [typeof size === 'number' ? number(1, size) : text(2, size)]))
  return [text(1, name), block(2, [block(1, [number(1, elementTypes[type]), block(2, sizes)])])]
}

/** Wire type 0. */
function number(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field << 3), ...varint(value)])
}

/** Wire type 2. */
function block(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  return Buffer.concat([Uint8Array.from([...varint((field << 3) | 2), ...varint(content.length)]), content])
}

const text = (field: number, value: string): Uint8Array => block(field, [Buffer.from(value)])

/** Base 128, the lowest seven bits first. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128)
  return [...bytes, left]
}
