import type { Writable } from 'node:stream'
import { parquetEncoder } from '../adapters/parquet/parquet-encoder.ts'
import { indexExports } from '../adapters/ponder/export-tables.ts'
import { eventExport } from '../adapters/postgres/export-events.ts'
import { seriesExports } from '../adapters/postgres/export-series.ts'
import { withExportSnapshot } from '../adapters/postgres/export-snapshot.ts'
import { customContracts } from '../config/custom-contracts.ts'
import type { ConfigSource } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import type { NodeConfig } from '../config/schema.ts'
import { csvEncoder } from '../export/csv.ts'
import { ExportError } from '../export/errors.ts'
import { ndjsonEncoder } from '../export/ndjson.ts'
import { customTables } from '../ports/custom-tables.ts'
import type {
  ByteSink,
  ExportEncoder,
  ExportFilter,
  ExportFormat,
  ExportSnapshot,
  ExportSummary,
  ExportTable,
} from '../ports/export.ts'
import { unwritable, writeExport } from './export-file.ts'
import { withNodeDatabase } from './validator-database.ts'

type Modules = Parameters<typeof withNodeDatabase>[1]

export interface ExportOptions {
  readonly what: string
  readonly format: ExportFormat
  /** A file, or `-` for standard output. */
  readonly out: string
  readonly force: boolean
  readonly filter: ExportFilter
}

/** All that can be exported. What is new to be exported is a line here. */
function exportTables(config: NodeConfig, source: Pick<ConfigSource, 'path'>): readonly ExportTable[] {
  const custom = customContracts(config, source.path).flatMap(customTables)
  return [
    eventExport({ schema: config.database.schema }),
    ...seriesExports({ schema: config.database.schema }),
    ...indexExports({ viewsSchema: config.indexer.viewsSchema, custom }),
  ]
}

/**
 * Writes one table into a file, or to standard output, beside the running node or without it. Rejects with ExportError,
 * DatabaseError, ParquetError, ConfigError.
 */
export async function exportTable(
  config: NodeConfig,
  source: Pick<ConfigSource, 'path'>,
  options: ExportOptions,
  modules: Modules & { readonly stdout: Writable },
): Promise<ExportSummary> {
  const tables = exportTables(config, source)
  const table = tables.find(({ name }) => name === options.what)
  if (table === undefined) throw unknown(options.what, tables)
  const { out, force, format, filter } = options
  const { signal, stdout } = modules
  if (out === '-' && format === 'parquet' && 'isTTY' in stdout && stdout.isTTY === true)
    throw new ExportError('EXPORT_UNWRITABLE', 'Parquet is no text for a terminal: give a file, or a pipe.', {
      data: { path: out },
    })
  const run = (sink: ByteSink) =>
    withNodeDatabase(config, modules, (database) =>
      withExportSnapshot(database, { table, filter, signal }, (snapshot) =>
        write(table, snapshot, format, sink),
      ),
    )
  return out === '-' ? toStream(stdout, run) : writeExport(out, { force }, run)
}

async function write(
  table: ExportTable,
  { blocks, rows }: ExportSnapshot,
  format: ExportFormat,
  sink: ByteSink,
): Promise<ExportSummary> {
  const encoder = encoderOf(format, table, blocks, sink)
  let count = 0
  for await (const page of rows) {
    count += page.length
    await encoder.rows(page)
  }
  await encoder.end()
  return { rows: count, blocks }
}

function encoderOf(
  format: ExportFormat,
  { name, columns }: ExportTable,
  blocks: ReadonlyMap<number, bigint>,
  sink: ByteSink,
): ExportEncoder {
  if (format === 'csv') return csvEncoder(columns, sink)
  if (format === 'ndjson') return ndjsonEncoder(columns, sink)
  const upTo = Object.fromEntries([...blocks].map(([chainId, block]) => [chainId, block.toString()]))
  const metadata = { 'iyi.table': name, 'iyi.blocks': JSON.stringify(upTo) }
  return parquetEncoder({ columns, metadata }, { sink })
}

/** A pipe that nobody reads any more ends the export instead of the process. */
async function toStream<T>(stream: Writable, work: (sink: ByteSink) => Promise<T>): Promise<T> {
  const onError = () => {}
  stream.on('error', onError)
  try {
    return await work(
      (bytes) =>
        new Promise((done, fail) => {
          stream.write(bytes, (cause) =>
            cause === null || cause === undefined ? done() : fail(unwritable('standard output', cause)),
          )
        }),
    )
  } finally {
    stream.off('error', onError)
  }
}

function unknown(what: string, tables: readonly ExportTable[]): ExportError {
  const names = tables.map(({ name }) => name)
  const close = nearest(what, names)
  return new ExportError(
    'EXPORT_UNKNOWN',
    `There is no "${what}" to export.${close === null ? '' : ` Did you mean "${close}"?`} There are: ${names.join(', ')}.`,
    { data: { what, names } },
  )
}
