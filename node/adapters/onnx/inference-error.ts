import { IyiError } from '../../ports/errors.ts'

export type InferenceErrorCode =
  | 'INFERENCE_UNKNOWN_MODEL'
  | 'INFERENCE_REFUSED'
  | 'INFERENCE_BAD_INPUT'
  | 'INFERENCE_NOT_FINITE'
  | 'INFERENCE_FAILED'
  /** The manifest as a whole can't be used; met at `start` only. */
  | 'INFERENCE_BAD_MANIFEST'

/** Failure of the inference port. Only `INFERENCE_FAILED` may succeed on a second try. */
export class InferenceError extends IyiError<InferenceErrorCode, { model: string }> {
  constructor(code: InferenceErrorCode, model: string, message: string, cause?: unknown) {
    super(code, message, { data: { model }, retry: code === 'INFERENCE_FAILED', cause })
  }
}

/** Why a model is not run; the text goes into `ModelInfo.status.reason`. Never leaves this adapter. */
export class ModelRefusal extends Error {}

/** The runtime failed or can't take a run now. Never leaves this adapter: it becomes `INFERENCE_FAILED`. */
export class RuntimeFailure extends Error {}
