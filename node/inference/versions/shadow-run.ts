import type { Hex } from '../../ports/chain.ts'
import type { InferenceRequest, InferenceResult } from '../../ports/inference.ts'
import { InferenceError, isHarm } from '../../ports/inference-error.ts'
import { bytesOf, elementsOf } from '../../ports/tensor.ts'
import type { ModelSlot } from '../model-slot.ts'
import { copyOf } from '../result-cache.ts'

/** Larger runs are not repeated: copying and comparing them would hold up the event loop. */
const MAX_BYTES = 2 ** 20
const MAX_VALUES = 4_096

/** A run that the version at work answered, and that its candidate is to repeat. */
export interface ShadowRun {
  readonly candidate: ModelSlot
  readonly live: ModelSlot
  readonly request: InferenceRequest
  readonly result: InferenceResult
}

/** The same run for another version; null where it is too large, or its inputs are none: the version at work says so. */
export function repeated(request: InferenceRequest, model: Hex): InferenceRequest | null {
  const { inputs, raw = false } = request
  try {
    return bytesOf(inputs) > MAX_BYTES ? null : { model, raw, priority: 'api', inputs: copyOf(inputs) }
  } catch {
    return null
  }
}

/** False where the candidate had no part in it: its queue was full, or it rests after it did harm. */
export function wasRun(error: unknown): boolean {
  if (!(error instanceof InferenceError)) return true
  return error.code !== 'INFERENCE_BUSY' && !(error.code === 'INFERENCE_FAILED' && error.cause === undefined)
}

/** It ended the process that ran it, or had to be ended. */
export function harmful(error: unknown): boolean {
  return error instanceof InferenceError && isHarm(error.cause)
}

/** Why two versions can't be compared, in words. */
export function unlike(live: ModelSlot, candidate: ModelSlot): string | null {
  const [a, b] = [live.info(), candidate.info()]
  const parts: readonly (readonly [string, (of: typeof a) => unknown])[] = [
    ['other inputs', ({ inputs, rawInputs }) => [inputs, rawInputs]],
    ['other outputs', ({ outputs }) => outputs],
    ['another quantisation', ({ quantization: { output, decimals } }) => [output, decimals]],
    ['another agreement rule', ({ agreement: { rule } }) => rule],
  ]
  const differing = parts.find(([, of]) => JSON.stringify(of(a)) !== JSON.stringify(of(b)))
  const features = ({ entry }: ModelSlot) => `${entry.features?.set} ${entry.features?.version}`
  const what = differing?.[0] ?? (features(live) === features(candidate) ? null : 'other features')
  return what === null ? null : `it has ${what} than the version at work`
}

/** The quantised answer that a candidate is held against, and the length of its rows; null where it is too large. */
export function expectedOf({
  live,
  result,
}: ShadowRun): { readonly values: readonly bigint[]; readonly row: number } | null {
  const output = result.outputs[live.entry.quantization.output]
  if (output === undefined || elementsOf(output.shape) > MAX_VALUES) return null
  const values = result.quantized.length === 0 ? live.quantize(result.outputs) : result.quantized
  return { values, row: output.shape.at(-1) ?? 1 }
}
