import { IyiError } from '../../ports/errors.ts'

export type KeystoreErrorCode =
  | 'KEYSTORE_EXISTS'
  | 'KEYSTORE_MISSING'
  | 'KEYSTORE_UNSAFE_MODE'
  | 'KEYSTORE_DAMAGED'
  | 'KEYSTORE_UNSUPPORTED'
  | 'KEYSTORE_WRONG_PASSWORD'
  | 'KEYSTORE_BAD_PASSWORD'
  | 'KEYSTORE_MISMATCH'
  | 'KEYSTORE_BAD_DIGEST'

/** A fault of the node's key files. `data` names files and public parts only. */
export class KeystoreError extends IyiError<KeystoreErrorCode, Readonly<Record<string, unknown>>> {}
