/**
 * The root of every error class of the project. A module extends it with its own code union and payload, so a
 * caller branches on `code` and never on the text. The text is for the operator and says what to do next.
 */
export class IyiError<Code extends string = string, Data = unknown> extends Error {
  /** Stable, upper-case, prefixed by its module: `CONFIG_UNKNOWN_KEY`. */
  readonly code: Code
  /** Typed facts of this failure; never a secret. */
  readonly data: Data
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retry: boolean

  constructor(code: Code, message: string, options: { data: Data; retry?: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.data = options.data
    this.retry = options.retry ?? false
  }
}
