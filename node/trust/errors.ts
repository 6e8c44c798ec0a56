import { IyiError } from '../ports/errors.ts'

export type TrustErrorCode =
  | 'TRUST_HALTED'
  | 'TRUST_NOT_AGREED'
  | 'TRUST_DISAGREEMENT'
  | 'TRUST_OTHER_BLOCK'
  | 'TRUST_UNKNOWN_CHAIN'

export interface TrustErrorData {
  readonly chainId: number
  readonly block?: string
  readonly agreed?: string | null
  readonly reason?: string
}

/** Why a block may not be signed for, or not yet. */
export class TrustError extends IyiError<TrustErrorCode, TrustErrorData> {}
