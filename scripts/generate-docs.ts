// Writes docs/config.md and docs/cli.md from the schema and the program. With --check it writes nothing and ends with 1
// when one of them is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createProgram } from '../node/cli/program.ts'
import { cliReference } from '../node/cli/reference.ts'
import { configReference } from '../node/config/reference.ts'
import { IyiError } from '../node/ports/errors.ts'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))

/** Only the help is asked for, so no verb ever runs. */
const never = async () => {
  throw new IyiError('DOCS_NO_VERB', 'a verb ran while the docs were generated', { data: null })
}
const program = createProgram({
  startNode: never,
  runDevnet: never,
  createKeystores: never,
  listKeystores: never,
  checkPlugins: never,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: {},
  version: '0.0.0',
})

const pages = { 'config.md': configReference(), 'cli.md': cliReference(program) }
const check = process.argv.includes('--check')
mkdirSync(docs, { recursive: true })
for (const [name, text] of Object.entries(pages)) {
  if (!check) writeFileSync(`${docs}${name}`, text)
  else if (read(`${docs}${name}`) !== text) {
    process.stderr.write(`docs/${name} is out of date: run \`npm run generate\`\n`)
    process.exitCode = 1
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
