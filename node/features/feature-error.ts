/** A transfer that can not be judged. `code` is stable; the message says what to do next. */
export class FeatureError extends Error {
  readonly code: 'FEATURES_OUT_OF_ORDER' | 'FEATURES_BAD_TRANSFER'
  readonly retry = false

  constructor(code: FeatureError['code'], message: string) {
    super(message)
    this.name = 'FeatureError'
    this.code = code
  }
}
