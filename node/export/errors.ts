import { IyiError } from '../ports/errors.ts'

export type ExportErrorCode = 'EXPORT_UNKNOWN' | 'EXPORT_EXISTS' | 'EXPORT_NOT_A_FILE' | 'EXPORT_UNWRITABLE'

/** Why an export wrote nothing. */
export class ExportError extends IyiError<ExportErrorCode, Readonly<Record<string, unknown>>> {}
