/** What can not be turned into features. `code` is stable; the message says what to do next. */
export class FeatureError extends Error {
  readonly code:
    | 'FEATURES_OUT_OF_ORDER'
    | 'FEATURES_BAD_TRANSFER'
    /** A bar without a positive price, or a negative volume. */
    | 'FEATURES_BAD_BAR'
    /** The market is younger than the window. */
    | 'FEATURES_TOO_SHORT'
    /** Trades of the window are not all in yet. */
    | 'FEATURES_NOT_CLOSED'
  readonly retry: boolean

  constructor(code: FeatureError['code'], message: string) {
    super(message)
    this.name = 'FeatureError'
    this.code = code
    this.retry = code === 'FEATURES_TOO_SHORT' || code === 'FEATURES_NOT_CLOSED'
  }
}
