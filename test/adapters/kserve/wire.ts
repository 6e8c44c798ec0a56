import type { Tensor as OrtValue } from 'onnxruntime-node'
import { Tensor as OrtTensor } from '../../../node/adapters/onnx/runtime.ts'

type OrtType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'uint8' | 'bool' | 'string'

const kinds: Record<string, { type: OrtType; size: number }> = {
  FP32: { type: 'float32', size: 4 },
  FP64: { type: 'float64', size: 8 },
  FP16: { type: 'float16', size: 2 },
  INT64: { type: 'int64', size: 8 },
  INT32: { type: 'int32', size: 4 },
  UINT8: { type: 'uint8', size: 1 },
  BOOL: { type: 'bool', size: 1 },
  BYTES: { type: 'string', size: 0 },
}

export const datatypeOf = (type: string): string =>
  Object.entries(kinds).find(([, kind]) => kind.type === type)?.[0] ?? 'UNKNOWN'

export interface InferHeader {
  id?: string
  inputs: { name: string; shape: number[]; datatype: string; parameters: { binary_data_size: number } }[]
  parameters?: { binary_data_output?: boolean }
}

/** An element as JSON has it. */
export const plainOf = (type: string, value: unknown): unknown =>
  type === 'int64' ? Number(value) : type === 'bool' ? value === 1 : value

/**
 * The runtime's library makes a Float16Array of the bits where the language has one (Node 24), and its binding can't read
 * that: it gets the bits themselves.
 */
function halfTensor(bits: Uint16Array, shape: readonly number[]): OrtValue {
  return Object.defineProperty(new OrtTensor('float16', bits, shape), 'data', { value: bits })
}

/** Inputs as the runtime takes them. */
export function feedsOf({ inputs }: InferHeader, binary: Buffer): Record<string, OrtValue> {
  let next = 0
  return Object.fromEntries(
    inputs.map(({ name, shape, datatype, parameters }) => {
      const part = Uint8Array.from(binary.subarray(next, next + parameters.binary_data_size))
      next += parameters.binary_data_size
      const kind = kinds[datatype]
      if (kind === undefined) throw new TypeError(`no such datatype: ${datatype}`)
      const tensor =
        kind.type === 'float16'
          ? halfTensor(new Uint16Array(part.buffer), shape)
          : new OrtTensor(kind.type, elementsOf(kind.type, part) as Float32Array, shape)
      return [name, tensor]
    }),
  )
}

function elementsOf(type: Exclude<OrtType, 'float16'>, part: Uint8Array<ArrayBuffer>): unknown {
  const { buffer } = part
  switch (type) {
    case 'float32':
      return new Float32Array(buffer)
    case 'float64':
      return new Float64Array(buffer)
    case 'int64':
      return new BigInt64Array(buffer)
    case 'int32':
      return new Int32Array(buffer)
    case 'uint8':
    case 'bool':
      return part
    case 'string': {
      const texts: string[] = []
      const bytes = Buffer.from(buffer)
      for (let at = 0; at < bytes.length; ) {
        const length = bytes.readUInt32LE(at)
        texts.push(bytes.toString('utf8', at + 4, at + 4 + length))
        at += 4 + length
      }
      return texts
    }
  }
}

/** Elements as binary data. */
export function bytesOf(type: string, data: unknown): Buffer {
  if (type !== 'string') {
    const view = data as Float32Array
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  }
  return Buffer.concat(
    (data as string[]).flatMap((value) => {
      const bytes = Buffer.from(value)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    }),
  )
}
