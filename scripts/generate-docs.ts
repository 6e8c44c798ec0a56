// Writes docs/config.md and docs/cli.md from the schema and the program, and puts the example's code and the capability
// catalogue into docs/plugins.md. With --check it writes nothing and ends with 1 when one of them is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createProgram } from '../node/cli/program.ts'
import { cliReference } from '../node/cli/reference.ts'
import { configReference } from '../node/config/reference.ts'
import { capabilityCatalogue } from '../node/ports/capabilities.ts'
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
  keyRoles: [],
  checkPlugins: never,
  judgeOffence: () => ({ valid: false, reason: 'no verb ran' }),
  exportSigningHistory: never,
  importSigningHistory: never,
  eventConsumers: never,
  eventDeadLetters: never,
  retryEvents: never,
  replayEvents: never,
  outboxStatus: never,
  outboxDeadLetters: never,
  retryOutbox: never,
  replayOutbox: never,
  exportTable: never,
  recoverIndex: never,
  indexBuilds: never,
  rollBackIndex: never,
  models: {
    ...{ pack: never, verify: never, verifyKnown: never, calibrate: never, add: never, addFromPeers: never },
    ...{ remove: never, list: never, show: never, decide: never, bench: never },
  },
  tryAbi: never,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: {},
  version: '0.0.0',
})

const pages = {
  'config.md': configReference(),
  'cli.md': cliReference(program),
  'plugins.md': withGeneratedParts(read(`${docs}plugins.md`) ?? ''),
}
const check = process.argv.includes('--check')
mkdirSync(docs, { recursive: true })
for (const [name, text] of Object.entries(pages)) {
  if (!check) writeFileSync(`${docs}${name}`, text)
  else if (read(`${docs}${name}`) !== text) {
    process.stderr.write(`docs/${name} is out of date: run \`npm run generate\`\n`)
    process.exitCode = 1
  }
}

/** Between `<!-- file: path -->` or `<!-- capabilities -->` and the next `<!-- end -->`. */
function withGeneratedParts(page: string): string {
  const part = (name: string, body: string) => `<!-- ${name} -->\n${body.trimEnd()}\n<!-- end -->`
  return page
    .replaceAll(/<!-- (file: (\S+)) -->[\s\S]*?<!-- end -->/g, (_, name: string, path: string) =>
      part(name, `\`\`\`ts\n${readFileSync(`${docs}${path}`, 'utf8')}\`\`\``),
    )
    .replaceAll(/<!-- (capabilities) -->[\s\S]*?<!-- end -->/g, (_, name: string) =>
      part(
        name,
        ['| capability | lets a plugin |', '|---|---|']
          .concat(Object.entries(capabilityCatalogue).map(([key, lets]) => `| \`${key}\` | ${lets} |`))
          .join('\n'),
      ),
    )
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
