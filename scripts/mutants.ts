// `npm run mutants [-- --only NAME] [--jobs N] [--json] [--write]`: plants deliberate bugs into copies of the sources, one
// at a time, and sees whether the simulation or a unit test notices. Ends with 1 when one survives or is out of date.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MUTANTS } from '../test/quorum/mutants/list.ts'
import { mutated } from '../test/quorum/mutants/mutant.ts'
import { PROJECT_ROOT } from './artifacts.ts'
import { endAll } from './mutants/child.ts'
import { Hunt, type Result, seconds } from './mutants/hunt.ts'
import { table, withTable } from './mutants/table.ts'
import { original, Workspace } from './mutants/workspace.ts'

const README = 'node/quorum/README.md'

const workspaces: Workspace[] = []
function cleanUp(): void {
  endAll()
  for (const workspace of workspaces.splice(0)) workspace.remove()
}
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => {
    cleanUp()
    process.exit(code)
  })
}

try {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      jobs: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  })
  if (!/^[1-9]\d?$/.test(values.jobs)) throw new RangeError(`--jobs takes 1 to 99, not ${values.jobs}`)
  if (values.write && values.only !== undefined)
    throw new RangeError('--write needs the whole list: leave out --only')
  await main(values.only, Number(values.jobs), values.json, values.write)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  cleanUp()
}

async function main(only: readonly string[] | undefined, jobs: number, json: boolean, write: boolean) {
  const unknown = (only ?? []).filter((name) => !MUTANTS.some((mutant) => mutant.name === name))
  if (unknown.length > 0) throw new RangeError(`no such mutant: ${unknown.join(', ')}`)
  // Each must still say what it changes, also those that are not run now.
  for (const mutant of MUTANTS) mutated(mutant, original)
  const chosen = MUTANTS.filter(({ name }) => only?.includes(name) ?? true)
  const tell = (line: string) => void (json ? process.stderr : process.stdout).write(`${line}\n`)

  const began = performance.now()
  const workspace = () => {
    const made = new Workspace()
    workspaces.push(made)
    return made
  }
  const hunt = new Hunt(workspace())
  tell(`without any mutant: everything passes in ${seconds(await hunt.baseline())}`)

  const results: Result[] = []
  const waiting = [...chosen]
  let ended = false
  const worker = async () => {
    const own = workspace()
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const result = await hunt.kill(mutant, own)
      // What the end of all programs did to this one says nothing.
      if (ended) return
      results.push(result)
      tell(`${result.killed ? 'killed  ' : 'SURVIVES'} ${result.name} (${seconds(result.ms)}): ${result.by}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, chosen.length) }, worker))
  } finally {
    ended = true
  }

  const survivors = results.filter(({ killed }) => !killed)
  const content = table(chosen, results, new Date())
  if (json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
  else tell(`\n${content}`)
  tell(
    `\n${results.length - survivors.length} of ${results.length} killed in ${seconds(performance.now() - began)}`,
  )
  if (write) {
    const path = join(PROJECT_ROOT, README)
    const document = withTable(readFileSync(path, 'utf8'), content)
    if (document === null) throw new RangeError(`${README} has no place for the table`)
    writeFileSync(path, document)
    tell(`wrote ${README}`)
  }
  if (survivors.length > 0) process.exitCode = 1
}
