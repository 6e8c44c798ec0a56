import type { ByteSink, ExportColumn, ExportEncoder, ExportRow, ExportValue } from '../ports/export.ts'

/**
 * Comma-separated values (RFC 4180) in UTF-8 with a header: lines end in CRLF, and a field with a comma, a quote or a line
 * break is quoted. An empty field is no value, an empty text is `""`. JSON is its text; times are Unix seconds.
 */
export function csvEncoder(columns: readonly ExportColumn[], sink: ByteSink): ExportEncoder {
  let begun = false
  const write = async (lines: readonly string[]) => {
    const head = begun ? [] : [columns.map(({ name }) => fieldOf(name)).join(',')]
    begun = true
    const text = [...head, ...lines].map((line) => `${line}\r\n`).join('')
    if (text !== '') await sink(new TextEncoder().encode(text))
  }
  return {
    rows: (rows: readonly ExportRow[]) => write(rows.map((row) => row.map(fieldOf).join(','))),
    end: () => write([]),
  }
}

function fieldOf(value: ExportValue): string {
  if (value === null) return ''
  const text = String(value)
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
