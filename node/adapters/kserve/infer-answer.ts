import { z } from 'zod'
import type { RuntimePort } from '../../ports/inference-backend.ts'
import { elementsOf, type Tensor } from '../../ports/tensor.ts'
import { BadElements, fromBytes, fromJson, typeOf } from './datatypes.ts'

/** An answer that is not what the model's metadata and the protocol promise; the text says how. */
export class BadAnswer extends TypeError {}

/** A number in JSON takes no more: 17 digits, a sign, a point, an exponent, and what stands between two. */
const JSON_NUMBER_BYTES = 32
const JSON_HEADER_BYTES = 64 * 1024

const answerSchema = z.object({
  id: z.string().optional(),
  model_name: z.string().optional(),
  model_version: z.string().optional(),
  outputs: z
    .array(
      z.object({
        name: z.string(),
        datatype: z.string(),
        shape: z.array(z.int().min(0)).max(16),
        data: z.unknown().optional(),
        parameters: z.object({ binary_data_size: z.int().min(0).optional() }).optional(),
      }),
    )
    .max(256),
})

type Output = z.infer<typeof answerSchema>['outputs'][number]

/** What an answer must be: that of this question, to this model, with these outputs. */
export interface Expected {
  readonly id: string
  readonly name: string
  /** Undefined: whichever the server chose. */
  readonly version: string | undefined
  readonly outputs: readonly RuntimePort[]
}

/** Bytes that an answer may have: what fixed shapes need at most, and `open` where one is dynamic or holds texts. */
export function answerLimit(outputs: readonly RuntimePort[], open: number): number {
  let limit = JSON_HEADER_BYTES
  let isOpen = false
  for (const { shape, type } of outputs) {
    const sizes = shape.filter((size) => typeof size === 'number')
    if (type === 'string' || sizes.length < shape.length) isOpen = true
    else limit += elementsOf(sizes) * JSON_NUMBER_BYTES
  }
  return limit + (isOpen ? open : 0)
}

/**
 * The outputs of an answer; `headerLength` is its `Inference-Header-Content-Length`, if there is one. Throws `BadAnswer`.
 * NaN and infinities are passed on.
 */
export function inferAnswer(
  body: Uint8Array,
  headerLength: string | undefined,
  expected: Expected,
): Record<string, Tensor> {
  const length = headerLength === undefined ? body.length : Number(headerLength)
  if (!/^\d{1,15}$/.test(headerLength ?? '0') || length > body.length)
    throw new BadAnswer(`the length of its JSON header does not fit its ${body.length} bytes`)
  const answer = parse(body.subarray(0, length))
  if (answer.id !== undefined && answer.id !== expected.id) throw new BadAnswer('it is of another request')
  if (answer.model_name !== undefined && answer.model_name !== expected.name)
    throw new BadAnswer('it is of another model')
  if (expected.version !== undefined && (answer.model_version ?? expected.version) !== expected.version)
    throw new BadAnswer('it is of another version of the model')

  const tensors = new Map<string, Tensor>()
  let next = length
  for (const output of answer.outputs) {
    const port = expected.outputs.find(({ name }) => name === output.name)
    const shown = JSON.stringify(output.name.slice(0, 64))
    if (port === undefined) throw new BadAnswer(`the model has no output ${shown}`)
    if (tensors.has(port.name)) throw new BadAnswer(`output ${shown} is there twice`)
    const size = output.parameters?.binary_data_size
    const end = next + (size ?? 0)
    if (end > body.length) throw new BadAnswer(`it ends in the middle of output ${shown}`)
    tensors.set(port.name, tensorOf(output, port, size === undefined ? null : body.subarray(next, end)))
    next = end
  }
  if (next !== body.length) throw new BadAnswer(`it has ${body.length - next} bytes more than its outputs`)
  const missing = expected.outputs.find(({ name }) => !tensors.has(name))
  if (missing !== undefined) throw new BadAnswer(`output ${JSON.stringify(missing.name)} is missing`)
  return Object.fromEntries(tensors)
}

function parse(header: Uint8Array): z.infer<typeof answerSchema> {
  let raw: unknown
  try {
    raw = JSON.parse(Buffer.from(header.buffer, header.byteOffset, header.length).toString('utf8'))
  } catch {
    throw new BadAnswer('it is no JSON')
  }
  const parsed = answerSchema.safeParse(raw)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new BadAnswer(`its ${issue?.path.join('.') || 'body'} is not what the protocol says`)
}

function tensorOf(output: Output, port: RuntimePort, bytes: Uint8Array | null): Tensor {
  const shown = `output ${JSON.stringify(port.name)}`
  const { shape, datatype } = output
  const type = typeOf(datatype)
  if (type === undefined || type !== port.type)
    throw new BadAnswer(`${shown} is ${JSON.stringify(datatype.slice(0, 16))} instead of ${port.type}`)
  const fits =
    shape.length === port.shape.length &&
    shape.every((size, i) => typeof port.shape[i] === 'string' || port.shape[i] === size)
  if (!fits) throw new BadAnswer(`${shown} has the shape [${shape}] instead of [${port.shape}]`)
  const count = elementsOf(shape)
  try {
    const data = bytes === null ? fromJson(type, output.data, count) : fromBytes(type, bytes, count)
    return { type, shape, data } as Tensor
  } catch (error) {
    if (error instanceof BadElements) throw new BadAnswer(`${shown} ${error.message}`)
    throw error
  }
}
