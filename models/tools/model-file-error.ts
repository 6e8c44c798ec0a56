/** A model file that is not what it should be. `code` is stable; the message says what to do next. */
export class ModelFileError extends Error {
  readonly code: 'MODEL_STALE' | 'MODEL_OUTPUT' | 'MODEL_USAGE'
  readonly retry = false

  constructor(code: ModelFileError['code'], message: string) {
    super(message)
    this.name = 'ModelFileError'
    this.code = code
  }
}
