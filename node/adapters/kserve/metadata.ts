import { z } from 'zod'
import type { RuntimePort } from '../../ports/inference-backend.ts'
import { BackendError } from '../../ports/inference-error.ts'
import { typeOf } from './datatypes.ts'

/** A model's metadata has a few names and shapes. */
export const METADATA_BYTES = 1024 * 1024

const port = z.object({
  name: z.string().min(1),
  datatype: z.string().min(1),
  shape: z.array(z.int().min(-1)).max(16),
})

const metadataSchema = z.object({
  name: z.string(),
  inputs: z.array(port).max(256),
  outputs: z.array(port).min(1).max(256),
})

export interface ModelPorts {
  readonly inputs: readonly RuntimePort[]
  readonly outputs: readonly RuntimePort[]
}

/** `GET v2/models/{name}`: its inputs and outputs. Throws `BACKEND_BAD_MODEL` for what the protocol does not allow. */
export function modelPorts(model: string, name: string, body: Buffer): ModelPorts {
  const bad = (why: string, cause?: unknown) =>
    new BackendError('BACKEND_BAD_MODEL', model, `the inference server's metadata ${why}`, cause)
  let raw: unknown
  try {
    raw = JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw bad('is no JSON: does the URL lead to a KServe v2 server', cause)
  }
  const parsed = metadataSchema.safeParse(raw)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw bad(`is not what the protocol says, at ${issue?.path.join('.') || 'its top'}`)
  }
  const { inputs, outputs } = parsed.data
  if (parsed.data.name !== name) throw bad('is of another model')
  for (const ports of [inputs, outputs])
    if (new Set(ports.map((entry) => entry.name)).size !== ports.length) throw bad('has a name twice')
  return { inputs: inputs.map(runtimePort), outputs: outputs.map(runtimePort) }
}

/** -1 is a dynamic size, which has no name here. */
const runtimePort = ({ name, datatype, shape }: z.infer<typeof port>): RuntimePort => ({
  name,
  type: typeOf(datatype) ?? datatype,
  shape: shape.map((size) => (size === -1 ? '?' : size)),
})
