import { IyiError } from '../../ports/errors.ts'

export type IndexErrorCode =
  /** The tables can't be read now: no view yet, no database, or the reader has stopped. */
  | 'INDEX_UNAVAILABLE'
  | 'INDEX_BAD_QUERY'
  /** No index answers that question, and a look at all rows takes too long. */
  | 'INDEX_TOO_SLOW'
  /** The wanted block is not indexed, or not any more. */
  | 'INDEX_BEHIND'
  | 'INDEX_BAD_OPTIONS'
  /** No such build, or none to go back to. */
  | 'INDEX_NO_BUILD'
  /** Another process keeps these views. */
  | 'INDEX_MANAGED_ELSEWHERE'

/** What the indexer's supervisor and the index reader reject with. */
export class IndexError extends IyiError<IndexErrorCode, Readonly<Record<string, unknown>>> {}
