import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type {
  ByteSink,
  ExportColumn,
  ExportEncoder,
  ExportRow,
  ExportType,
  ExportValue,
} from '../../ports/export.ts'
import { ParquetError } from './errors.ts'

/** What is held until it is written: rows of a group, and about so many characters of them. */
const GROUP_ROWS = 20_000
const GROUP_CHARACTERS = 16_000_000

/**
 * Apache Parquet, Snappy, in row groups that are written one after another. Columns are optional. Integers of any size and
 * hex are strings (uint256 has 78 digits, DECIMAL of most readers 38 or 76), block numbers and counts INT64, times
 * TIMESTAMP in UTC, JSON as such. `metadata` goes into the footer.
 */
export function parquetEncoder(
  options: { readonly columns: readonly ExportColumn[]; readonly metadata: Readonly<Record<string, string>> },
  { sink }: { readonly sink: ByteSink },
): ExportEncoder {
  const { columns, metadata } = options
  const bytes = new ByteWriter(1 << 20)
  const flush = async () => {
    const part = bytes.getBytes().slice()
    bytes.index = 0
    await sink(part)
  }
  const writer = new ParquetWriter({
    writer: Object.assign(bytes, { flush, finish: () => {} }),
    schema: [{ name: 'root', num_children: columns.length }, ...columns.map(elementOf)],
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    createdBy: 'iyi-node',
  })
  let group: ExportRow[] = []
  let characters = 0
  const writeGroup = async () => {
    const rows = group
    group = []
    characters = 0
    if (rows.length === 0) return
    const columnData = columns.map(({ name, type }, at) => ({
      name,
      data: rows.map((row) => cellOf(name, type, row[at] ?? null)),
    }))
    await writer.write({ columnData, rowGroupSize: rows.length })
  }
  return {
    rows: async (rows) => {
      for (const row of rows) {
        group.push(row)
        for (const value of row) characters += typeof value === 'string' ? value.length : 1
        if (group.length >= GROUP_ROWS || characters >= GROUP_CHARACTERS) await writeGroup()
      }
    },
    end: async () => {
      await writeGroup()
      await writer.finish()
      await flush()
    },
  }
}

function elementOf({ name, type }: ExportColumn): SchemaElement {
  return { name, repetition_type: 'OPTIONAL', ...physical[type] }
}

const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const
const physical: Readonly<Record<ExportType, Omit<SchemaElement, 'name'>>> = {
  int: { type: 'INT64' },
  int64: { type: 'INT64' },
  integer: text,
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
  text,
  hex: text,
  bool: { type: 'BOOLEAN' },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON', logical_type: { type: 'JSON' } },
}

const INT64_MAX = 2n ** 63n - 1n

function cellOf(column: string, type: ExportType, value: ExportValue): unknown {
  if (value === null || typeof value === 'boolean') return value
  if (type === 'json') return JSON.parse(value)
  if (type !== 'int' && type !== 'int64' && type !== 'time') return value
  const number = type === 'time' ? BigInt(value) * 1_000n : BigInt(value)
  if (number > INT64_MAX || number < -INT64_MAX) throw tooLarge(column, value)
  return number
}

function tooLarge(column: string, value: string): ParquetError {
  return new ParquetError(
    'PARQUET_BAD_VALUE',
    `A row has ${column} ${value.slice(0, 80)}, which Parquet has no place for. Export it as csv or ndjson, or other blocks.`,
    { data: { column } },
  )
}
