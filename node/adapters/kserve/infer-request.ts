import type { Tensors } from '../../ports/tensor.ts'
import { datatypeOf, toBytes } from './datatypes.ts'

/** A request's body in parts, and what its headers say of them. */
export interface InferRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly parts: readonly Uint8Array[]
}

/**
 * `POST .../infer` with the binary tensor data extension: a JSON header, then the elements of each input. All outputs are
 * asked for, as binary data.
 */
export function inferRequest(id: string, inputs: Tensors): InferRequest {
  const tensors = Object.entries(inputs).map(([name, tensor]) => ({ name, tensor, bytes: toBytes(tensor) }))
  const header = Buffer.from(
    JSON.stringify({
      id,
      inputs: tensors.map(({ name, tensor, bytes }) => ({
        name,
        shape: tensor.shape,
        datatype: datatypeOf(tensor.type),
        parameters: { binary_data_size: bytes.length },
      })),
      parameters: { binary_data_output: true },
    }),
  )
  return {
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    },
    parts: [header, ...tensors.map(({ bytes }) => bytes)],
  }
}
