import { IyiError } from './errors.ts'

export type SeriesErrorCode = 'SERIES_UNKNOWN' | 'SERIES_BAD_QUERY' | 'SERIES_UNAVAILABLE'

/** What `SeriesReader` rejects with. */
export class SeriesError extends IyiError<SeriesErrorCode, Readonly<Record<string, unknown>>> {}
