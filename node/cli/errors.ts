import { IyiError } from '../ports/errors.ts'

export type CliCode =
  | 'CLI_FILE_EXISTS'
  | 'CLI_FILE_UNWRITABLE'
  | 'CLI_NO_PASSWORD'
  | 'CLI_WEAK_PASSWORD'
  | 'CLI_PASSWORD_MISMATCH'
  | 'CLI_INTERRUPTED'
  | 'CLI_BAD_EVIDENCE'
  | 'CLI_KEYS_MISSING'

/** A verb can't do what it was asked to. */
export class CliError extends IyiError<CliCode, { readonly path?: string }> {
  constructor(code: CliCode, message: string, data: { readonly path?: string } = {}, cause?: unknown) {
    super(code, message, { data, cause })
  }
}
