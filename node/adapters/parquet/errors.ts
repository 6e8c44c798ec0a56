import { IyiError } from '../../ports/errors.ts'

export type ParquetErrorCode = 'PARQUET_BAD_VALUE'

/** What can't be written as Parquet. */
export class ParquetError extends IyiError<ParquetErrorCode, Readonly<Record<string, unknown>>> {}
