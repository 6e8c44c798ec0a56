// One export in a process of its own: `export-process.ts <format> <what> <out>`, with the database as DATABASE_URL.
import { exportTable } from '../../node/compose/export.ts'
import type { ExportFormat } from '../../node/ports/export.ts'
import { minimal, parse } from '../config/config-cases.ts'

const [, , format, what = '', out = ''] = process.argv
const { config, source } = parse(minimal, { DATABASE_URL: process.env.DATABASE_URL ?? '' })
const { rows } = await exportTable(
  config,
  source,
  {
    ...{ what, out, force: false, format: format as ExportFormat },
    filter: { chainId: null, fromBlock: null, toBlock: null },
  },
  { signal: new AbortController().signal, stderr: process.stderr, stdout: process.stdout },
)
process.stderr.write(`${rows}\n`)
