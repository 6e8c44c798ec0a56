import { IyiError } from './errors.ts'

export type ContentErrorCode =
  /** Nobody who can be asked now has it. */
  | 'CONTENT_UNAVAILABLE'
  | 'CONTENT_TOO_LARGE'
  /** The store has no room that it may take. */
  | 'CONTENT_FULL'
  | 'CONTENT_PEER_LOST'
  | 'CONTENT_PEER_LIES'
  /** Whoever asked did not want to wait longer. */
  | 'CONTENT_GIVEN_UP'
  | 'CONTENT_STOPPED'

const transient: readonly ContentErrorCode[] = [
  'CONTENT_UNAVAILABLE',
  'CONTENT_FULL',
  'CONTENT_PEER_LOST',
  'CONTENT_GIVEN_UP',
]

/** Why a content is not here. */
export class ContentError extends IyiError<
  ContentErrorCode,
  { readonly hash?: string; readonly peer?: string }
> {
  constructor(
    code: ContentErrorCode,
    message: string,
    data: { readonly hash?: string; readonly peer?: string } = {},
    cause?: unknown,
  ) {
    super(code, message, { data, retry: transient.includes(code), cause })
  }
}
