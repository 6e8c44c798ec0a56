import { IyiError } from '../../node/ports/errors.ts'

export type FeatureStoreErrorCode =
  | 'FEATURES_UNKNOWN_TOKEN'
  | 'FEATURES_UNKNOWN_TRANSFER'
  | 'FEATURES_UNKNOWN_BLOCK'
  | 'FEATURES_TOO_OLD'
  | 'FEATURES_NOT_YET'
  | 'FEATURES_BAD_MOMENT'
  | 'FEATURES_WRONG_MODEL'

/** Why the feature store has no answer. `FEATURES_NOT_YET` may be asked again. */
export class FeatureStoreError extends IyiError<
  FeatureStoreErrorCode,
  Readonly<Record<string, string | number>>
> {
  constructor(
    code: FeatureStoreErrorCode,
    message: string,
    data: Readonly<Record<string, string | number>> = {},
  ) {
    super(code, message, { data, retry: code === 'FEATURES_NOT_YET' })
  }
}
