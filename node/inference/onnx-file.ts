import { PbfReader } from 'pbf'
import { IyiError } from '../ports/errors.ts'
import type { TensorType } from '../ports/tensor.ts'

export type OnnxFileCode =
  /** Not an ONNX file, or cut off. */
  | 'ONNX_MALFORMED'
  /** More parts, or deeper ones, than any real network has. */
  | 'ONNX_TOO_COMPLEX'

export class OnnxFileError extends IyiError<OnnxFileCode, null> {
  constructor(code: OnnxFileCode, why: string, cause?: unknown) {
    super(code, `It is no ONNX file that a node reads: ${why}. Export the model again.`, {
      data: null,
      cause,
    })
  }
}

export interface OnnxPort {
  readonly name: string
  /** A `TensorType`, or what else it is. */
  readonly type: TensorType | (string & {})
  /** null: a dynamic size. */
  readonly shape: readonly (number | null)[]
}

/** What an ONNX file says of itself. */
export interface OnnxFile {
  readonly producer: string
  /** Of ONNX's own operators. */
  readonly opset: number
  /** Without those that have a constant of their name: they need not be given. */
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly OnnxPort[]
  /** How often each operator occurs, inner graphs and functions included. */
  readonly operators: Readonly<Record<string, number>>
  /** Files beside it that constants are said to lie in. */
  readonly externalData: readonly string[]
  /** Elements of all constants. */
  readonly parameters: number
}

const MAX_DEPTH = 64
/** Fields read; weights are one each, however large. */
const MAX_FIELDS = 4_000_000
const MAX_NAMES = 4_096

/** `TensorProto.DataType` of ONNX, onnx.proto. */
const elementTypes: Readonly<Record<number, string>> = {
  ...{ 1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string' },
  ...{ 9: 'bool', 10: 'float16', 11: 'float64', 12: 'uint32', 13: 'uint64', 14: 'complex64' },
  ...{ 15: 'complex128', 16: 'bfloat16' },
}

type Fields = Readonly<Record<number, () => void>>
interface Shaped {
  name: string
  type: string
  shape: (number | null)[]
}

/**
 * Reads what an ONNX file says of itself, without its weights. Field numbers are those of onnx.proto (onnx 1.17, IR
 * version 10). Throws `OnnxFileError`.
 */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  try {
    return new Reading(bytes).model()
  } catch (cause) {
    if (cause instanceof OnnxFileError) throw cause
    throw malformed(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

class Reading {
  readonly #pbf: PbfReader
  readonly #bytes: number
  #end: number
  #type = 0
  #depth = 0
  #fields = 0
  #producer = ''
  #opset = 0
  #graphs = 0
  #parameters = 0
  readonly #inputs: Shaped[] = []
  readonly #outputs: Shaped[] = []
  readonly #constants = new Set<string>()
  readonly #operators = new Map<string, number>()
  readonly #external = new Set<string>()

  constructor(bytes: Uint8Array) {
    this.#pbf = new PbfReader(bytes)
    this.#bytes = bytes.length
    this.#end = bytes.length
  }

  model(): OnnxFile {
    this.#read({
      2: () => {
        this.#producer = this.#text()
      },
      7: () => {
        this.#graphs += 1
        this.#graph(true)
      },
      8: () => this.#opsetImport(),
      // TrainingInfoProto: two graphs.
      20: () => this.#message({ 1: () => this.#graph(false), 2: () => this.#graph(false) }),
      // FunctionProto: its nodes.
      25: () => this.#message({ 7: () => this.#node() }),
    })
    if (this.#graphs === 0) throw malformed('it holds no graph')
    if (this.#opset === 0) throw malformed('it names no operator set of ONNX')
    return {
      producer: this.#producer,
      opset: this.#opset,
      inputs: this.#inputs.filter(({ name }) => !this.#constants.has(name)),
      outputs: this.#outputs,
      operators: Object.fromEntries([...this.#operators].sort(([a], [b]) => (a < b ? -1 : 1))),
      externalData: [...this.#external],
      parameters: this.#parameters,
    }
  }

  #opsetImport(): void {
    let [domain, version] = ['', 0]
    this.#message({
      1: () => {
        domain = this.#text()
      },
      2: () => {
        version = this.#number()
      },
    })
    if (domain === '' || domain === 'ai.onnx') this.#opset = version
  }

  #graph(outermost: boolean): void {
    const constant = () => {
      const name = this.#tensor()
      if (outermost) this.#constants.add(name)
    }
    this.#message({
      1: () => this.#node(),
      5: constant,
      ...(outermost ? { 11: () => this.#port(this.#inputs), 12: () => this.#port(this.#outputs) } : {}),
      15: () => this.#sparse(),
    })
  }

  #node(): void {
    this.#message({
      4: () => {
        const op = this.#text().slice(0, 128)
        this.#operators.set(op, (this.#operators.get(op) ?? 0) + 1)
        if (this.#operators.size > MAX_NAMES) throw tooComplex(`more than ${MAX_NAMES} kinds of operators`)
      },
      // AttributeProto: tensors and graphs, one or several.
      5: () =>
        this.#message({
          ...{ 5: () => this.#tensor(), 10: () => this.#tensor() },
          ...{ 6: () => this.#graph(false), 11: () => this.#graph(false) },
          ...{ 22: () => this.#sparse(), 23: () => this.#sparse() },
        }),
    })
  }

  #sparse(): void {
    this.#message({ 1: () => this.#tensor(), 2: () => this.#tensor() })
  }

  /** @returns its name */
  #tensor(): string {
    let [name, location, isExternal, count] = ['', '', false, 1]
    this.#message({
      1: () => {
        // Packed or one by one, as the writer liked it.
        if (this.#type !== 2) count *= this.#number()
        else
          this.#within(() => {
            while (this.#pbf.pos < this.#end) count *= this.#varint()
          })
      },
      8: () => {
        name = this.#text()
      },
      13: () => {
        isExternal = true
        let [key, value] = ['', '']
        this.#message({
          1: () => {
            key = this.#text()
          },
          2: () => {
            value = this.#text()
          },
        })
        if (key === 'location') location = value
      },
      14: () => {
        isExternal ||= this.#number() === 1
      },
    })
    this.#parameters += count
    if (isExternal) this.#external.add(location.slice(0, 255))
    if (this.#external.size > MAX_NAMES) throw tooComplex(`more than ${MAX_NAMES} files of data`)
    return name
  }

  #port(into: Shaped[]): void {
    const port: Shaped = { name: '', type: 'not a tensor', shape: [] }
    this.#message({
      1: () => {
        port.name = this.#text()
      },
      // TypeProto, its tensor_type: element type and shape.
      2: () =>
        this.#message({
          1: () =>
            this.#message({
              1: () => {
                const type = this.#number()
                port.type = elementTypes[type] ?? `element type ${type}`
              },
              2: () => this.#message({ 1: () => port.shape.push(this.#size()) }),
            }),
        }),
    })
    into.push(port)
    if (into.length > MAX_NAMES) throw tooComplex(`more than ${MAX_NAMES} inputs or outputs`)
  }

  #size(): number | null {
    let size: number | null = null
    this.#message({
      1: () => {
        const value = this.#number()
        size = value > 0 ? value : null
      },
    })
    return size
  }

  #message(fields: Fields): void {
    if (this.#type !== 2) throw malformed('a part of it is not of the type that it must have')
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw tooComplex(`it is nested deeper than ${MAX_DEPTH}`)
    this.#within(() => this.#read(fields))
    this.#depth -= 1
  }

  /** Reads a length, then lets `read` go to its end. */
  #within(read: () => void): void {
    const outer = this.#end
    const length = this.#varint()
    const end = this.#pbf.pos + length
    if (end > outer) throw malformed('it ends too early')
    this.#end = end
    read()
    this.#end = outer
    this.#pbf.pos = end
  }

  #read(fields: Fields): void {
    while (this.#pbf.pos < this.#end) {
      this.#fields += 1
      if (this.#fields > MAX_FIELDS) throw tooComplex(`it has more than ${MAX_FIELDS} parts`)
      const tag = this.#varint()
      const field = Math.floor(tag / 8)
      if (field === 0) throw malformed('it has a field 0')
      this.#type = tag % 8
      const start = this.#pbf.pos
      fields[field]?.()
      if (this.#pbf.pos === start) this.#pbf.skip(this.#type)
      if (this.#pbf.pos > this.#end) throw malformed('it ends too early')
    }
  }

  #text(): string {
    if (this.#type !== 2) throw malformed('a text of it is none')
    let text = ''
    this.#within(() => {
      if (this.#end - this.#pbf.pos > 65_536) throw tooComplex('a name has more than 65536 bytes')
      text = Buffer.from(this.#pbf.buf.subarray(this.#pbf.pos, this.#end)).toString()
    })
    return text
  }

  #number(): number {
    if (this.#type !== 0) throw malformed('a number of it is none')
    return this.#varint()
  }

  #varint(): number {
    if (this.#pbf.pos >= this.#bytes) throw malformed('it ends too early')
    const value = this.#pbf.readVarint()
    if (this.#pbf.pos > this.#bytes) throw malformed('it ends too early')
    return value
  }
}

const malformed = (why: string, cause?: unknown) => new OnnxFileError('ONNX_MALFORMED', why, cause)
const tooComplex = (why: string) => new OnnxFileError('ONNX_TOO_COMPLEX', why)
