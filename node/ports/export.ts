/**
 * What a column holds. `int` is a number in JSON, `int64` fits 64 bits with a sign, `integer` is an integer of any size,
 * `time` Unix seconds, `hex` a 0x string.
 */
export type ExportType = 'int' | 'int64' | 'integer' | 'time' | 'text' | 'hex' | 'bool' | 'json'

export interface ExportColumn {
  /** As the API has it. */
  readonly name: string
  readonly type: ExportType
  /** A value in SQL, of the one relation in `from`. */
  readonly sql: string
}

/** Something that can be exported. SQL here is ours: nothing that a caller gives gets into it. */
export interface ExportTable {
  readonly name: string
  readonly columns: readonly ExportColumn[]
  /** The relation, quoted. */
  readonly from: string
  /** Of these rows, in SQL. */
  readonly chain: string
  readonly block: string
  readonly order: readonly string[]
  /** Up to which block each chain is in it; asked in the snapshot of the rows, rows in array mode. */
  readonly blocks: {
    readonly sql: string
    read(row: readonly unknown[]): { readonly chainId: number; readonly block: bigint } | null
  }
}

/** Which rows; null for all. Blocks are inclusive. */
export interface ExportFilter {
  readonly chainId: number | null
  readonly fromBlock: bigint | null
  readonly toBlock: bigint | null
}

/** A value as the database says it: text, but for booleans; null where there is none. */
export type ExportValue = string | boolean | null
export type ExportRow = readonly ExportValue[]

/** Rows of one moment. */
export interface ExportSnapshot {
  readonly blocks: ReadonlyMap<number, bigint>
  readonly rows: AsyncIterable<readonly ExportRow[]>
}

export const exportFormats = ['parquet', 'csv', 'ndjson'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** Turns rows into the bytes of a file, a bounded part at a time. */
export interface ExportEncoder {
  rows(rows: readonly ExportRow[]): Promise<void>
  /** What closes the file; the first thing as well where there was no row. */
  end(): Promise<void>
}

/** Resolves once there is room for more. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>

/** What an export did. */
export interface ExportSummary {
  readonly rows: number
  readonly blocks: ReadonlyMap<number, bigint>
}
