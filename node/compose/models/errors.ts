import { IyiError } from '../../ports/errors.ts'

export type ModelErrorCode =
  /** The folder or its `model.json` can't be read. */
  | 'MODEL_BAD_FOLDER'
  /** The ONNX file can't be packed as asked. */
  | 'MODEL_BAD_FILE'
  /** The model does not hold what its entry says. */
  | 'MODEL_REFUSED'
  | 'MODEL_EXISTS'
  | 'MODEL_UNKNOWN'
  /** It is not tried. */
  | 'MODEL_NO_CANDIDATE'
  /** A newer version would go on. */
  | 'MODEL_OLDER'
  /** Nothing would be left to answer. */
  | 'MODEL_LAST'
  /** An address gives no model's folder. */
  | 'MODEL_UNREACHABLE'
  /** Somebody else is changing the node's models. */
  | 'MODEL_LOCKED'

/** Failure of `iyi model`. */
export class ModelError extends IyiError<ModelErrorCode, null> {
  constructor(code: ModelErrorCode, message: string, cause?: unknown) {
    super(code, message, { data: null, retry: code === 'MODEL_LOCKED', cause })
  }
}
