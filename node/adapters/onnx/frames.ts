import { type Tensor, type Tensors, type TensorType, tensorTypes } from '../../ports/tensor.ts'

// What node and worker say to each other over a socket pair. A frame is
//   uint32 total length of what follows | uint32 length of the head | head: JSON | padding to 8 | blobs, each padded to 8
// in little-endian. The head says where its blobs lie, counted from the end of the padding.

/** Lengths before the head. */
export const PREFIX_BYTES = 8
/** A frame with more is no frame of ours. */
export const MAX_FRAME_BYTES = 2 ** 31 - 1

interface Placed {
  readonly name: string
  readonly type: TensorType
  readonly shape: readonly number[]
  readonly at: number
  readonly bytes: number
}

export interface Frame<Head> {
  readonly head: Head
  readonly tensors: Record<string, Tensor>
  /** The blob that belongs to no tensor, e.g. a model file; empty when there is none. */
  readonly blob: Uint8Array
}

interface Body {
  readonly head: unknown
  readonly tensors: readonly Placed[]
  readonly blob: readonly [at: number, bytes: number]
}

/** The pieces of a frame, to be written one after the other. Tensors are not copied. */
export function encodeFrame(head: object, tensors: Tensors = {}, blob: Uint8Array = none): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  const place = (bytes: Uint8Array): number => {
    const start = at
    pieces.push(bytes)
    const gap = padding(bytes.length)
    if (gap > 0) pieces.push(zeros.subarray(0, gap))
    at += bytes.length + gap
    return start
  }
  const placed = Object.entries(tensors).map(([name, tensor]): Placed => {
    const bytes = bytesOf(tensor)
    return { name, type: tensor.type, shape: tensor.shape, at: place(bytes), bytes: bytes.length }
  })
  const body: Body = {
    head,
    tensors: placed,
    blob: blob.length === 0 ? [0, 0] : [place(blob), blob.length],
  }
  const json = Buffer.from(JSON.stringify(body))
  const gap = padding(PREFIX_BYTES + json.length)
  const total = 4 + json.length + gap + at
  if (total > MAX_FRAME_BYTES)
    throw new RangeError(`a message of ${total} bytes is too long for the worker: 2 GiB is the limit`)
  const start = Buffer.alloc(PREFIX_BYTES + json.length + gap)
  start.writeUInt32LE(total, 0)
  start.writeUInt32LE(json.length, 4)
  json.copy(start, PREFIX_BYTES)
  return [start, ...pieces]
}

/** How many bytes follow the prefix. Throws `RangeError` for what is no frame. */
export function lengthAfterPrefix(prefix: Uint8Array): number {
  const length = view(prefix).getUint32(0, true) - 4
  if (length < 2 || length > MAX_FRAME_BYTES) throw new RangeError(`${length} is no length of a frame`)
  return length
}

/**
 * Reads a frame from its prefix and what follows it, which must lie in a buffer of its own from offset 0: tensors are
 * views on it. Throws `RangeError` or `SyntaxError` for what is no frame.
 */
export function decodeFrame<Head>(prefix: Uint8Array, rest: Uint8Array): Frame<Head> {
  const headBytes = view(prefix).getUint32(4, true)
  if (headBytes > rest.length) throw new RangeError('the head is longer than its frame')
  const body = JSON.parse(Buffer.from(rest.buffer, rest.byteOffset, headBytes).toString()) as Body
  const base = headBytes + padding(PREFIX_BYTES + headBytes)
  const tensors: Record<string, Tensor> = {}
  for (const { name, type, shape, at, bytes } of body.tensors)
    tensors[name] = tensorOf(type, shape, cut(rest, base + at, bytes))
  return { head: body.head as Head, tensors, blob: cut(rest, base + body.blob[0], body.blob[1]) }
}

function cut(rest: Uint8Array, at: number, bytes: number): Uint8Array {
  if (at < 0 || bytes < 0 || at + bytes > rest.length) throw new RangeError('a blob lies outside its frame')
  return rest.subarray(at, at + bytes)
}

function bytesOf(tensor: Tensor): Uint8Array {
  if (tensor.type === 'string') {
    const texts = tensor.data.map((text) => Buffer.from(text))
    const out = Buffer.alloc(texts.reduce((sum, { length }) => sum + 4 + length, 0))
    let at = 0
    for (const text of texts) {
      out.writeUInt32LE(text.length, at)
      text.copy(out, at + 4)
      at += 4 + text.length
    }
    return out
  }
  const { buffer, byteOffset, byteLength } = tensor.data
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function tensorOf(type: TensorType, shape: readonly number[], bytes: Uint8Array): Tensor {
  if (type === 'string') {
    const data: string[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = view(bytes).getUint32(at, true)
      data.push(Buffer.from(cut(bytes, at + 4, length)).toString())
      at += 4 + length
    }
    return { type, shape, data }
  }
  const { array, bytes: size } = tensorTypes[type]
  // A view needs an offset that its elements divide: true of all that `encodeFrame` wrote.
  const data = new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / size)
  return { type, shape, data } as Tensor
}

const none = new Uint8Array(0)
const zeros = new Uint8Array(8)
const padding = (length: number) => -length & 7
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
