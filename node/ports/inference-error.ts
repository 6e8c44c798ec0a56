import { IyiError } from './errors.ts'

export type InferenceErrorCode =
  | 'INFERENCE_UNKNOWN_MODEL'
  /** Its own tests say no; `ModelInfo.status` has the reason. */
  | 'INFERENCE_REFUSED'
  | 'INFERENCE_BAD_INPUT'
  | 'INFERENCE_NOT_FINITE'
  /** This input did harm to what ran it before: too much time or memory, or a crash. That depends on the machine. */
  | 'INFERENCE_HARMFUL'
  /** Too many runs wait already. */
  | 'INFERENCE_BUSY'
  /** No answer before the deadline. */
  | 'INFERENCE_TIMEOUT'
  /** The caller's signal gave it up. */
  | 'INFERENCE_CANCELLED'
  | 'INFERENCE_FAILED'
  /** The manifest as a whole can't be used. */
  | 'INFERENCE_BAD_MANIFEST'

const later: readonly InferenceErrorCode[] = ['INFERENCE_BUSY', 'INFERENCE_TIMEOUT', 'INFERENCE_FAILED']

/** Failure of the inference port. `INFERENCE_BUSY`, `INFERENCE_TIMEOUT` and `INFERENCE_FAILED` may succeed on another try. */
export class InferenceError extends IyiError<InferenceErrorCode, { model: string }> {
  constructor(code: InferenceErrorCode, model: string, message: string, cause?: unknown) {
    super(code, message, { data: { model }, retry: later.includes(code), cause })
  }
}

export type BackendErrorCode =
  /** The runtime does not take the model: another provider may. */
  | 'BACKEND_BAD_MODEL'
  /** The runtime reported an error for this run. */
  | 'BACKEND_RUN_FAILED'
  /** The run took longer than the backend's limit, and was ended. */
  | 'BACKEND_RUN_TOO_LONG'
  /** The run needed more memory than the backend's limit, and was ended. */
  | 'BACKEND_OUT_OF_MEMORY'
  /** What ran it ended in the middle of this run. */
  | 'BACKEND_CRASHED'
  /** It can't be reached, or stopped for another model's sake: nothing is known of this run. */
  | 'BACKEND_LOST'
  /** `signal` gave it up. */
  | 'BACKEND_CANCELLED'

/** Failure of an inference backend. */
export class BackendError extends IyiError<BackendErrorCode, { model: string }> {
  constructor(code: BackendErrorCode, model: string, message: string, cause?: unknown) {
    super(code, message, { data: { model }, retry: code === 'BACKEND_LOST', cause })
  }
}

/** Whether this run itself did harm to what ran it: a model that does so again and again is not run any more. */
export function isHarm(error: unknown): error is BackendError {
  return (
    error instanceof BackendError &&
    ['BACKEND_RUN_TOO_LONG', 'BACKEND_OUT_OF_MEMORY', 'BACKEND_CRASHED'].includes(error.code)
  )
}
