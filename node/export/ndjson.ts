import type { ByteSink, ExportColumn, ExportEncoder, ExportType, ExportValue } from '../ports/export.ts'

/**
 * One JSON object a line, as the HTTP API says these values: block numbers, times and amounts as decimal strings, `chainId`,
 * `logIndex` and such as numbers.
 */
export function ndjsonEncoder(columns: readonly ExportColumn[], sink: ByteSink): ExportEncoder {
  const parts = columns.map(({ name, type, sql }) => ({ head: `${JSON.stringify(name)}:`, type, sql }))
  return {
    rows: async (rows) => {
      const lines = rows.map((row) => {
        const entries = parts.map(({ head, type }, at) => `${head}${jsonOf(type, row[at] ?? null)}`)
        return `{${entries.join(',')}}\n`
      })
      if (lines.length > 0) await sink(new TextEncoder().encode(lines.join('')))
    },
    end: async () => {},
  }
}

function jsonOf(type: ExportType, value: ExportValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  // Another program's JSON may have line breaks between its parts.
  if (type === 'json') return /[\r\n]/.test(value) ? JSON.stringify(JSON.parse(value)) : value
  if (type === 'int') return value
  return JSON.stringify(value)
}
