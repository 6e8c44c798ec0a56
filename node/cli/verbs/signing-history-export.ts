import { loadConfig } from '../../config/load.ts'
import type { CliDeps, HistoryExport } from '../deps.ts'
import { writeNewFile } from '../new-file.ts'

/** Writes the signing history of the node's keys to a new file, or to standard output. */
export async function signingHistoryExport(
  options: { readonly config: string; readonly out: string | null; readonly retire: boolean },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const { out, retire } = options
  let made: HistoryExport | undefined
  const make = async () => {
    made = await deps.exportSigningHistory(config, { retire })
    return made.text
  }
  if (out === null) deps.stdout.write(await make())
  else {
    await writeNewFile(out, make)
    deps.stdout.write(`wrote ${out}\n`)
  }
  for (const { keyId, entries } of made?.keys ?? [])
    deps.stderr.write(`${keyId}: ${entries} ${entries === 1 ? 'entry' : 'entries'}\n`)
  for (const keyId of made?.otherKeys ?? [])
    deps.stderr.write(`left out ${keyId}: this node does not hold that key\n`)
  deps.stderr.write(
    made?.retired === true
      ? 'these keys are retired here: no node starts with them on this database before an import brings them back\n'
      : 'these keys may still sign here, and what they sign from now on is not in the file: use --retire to move them\n',
  )
}
