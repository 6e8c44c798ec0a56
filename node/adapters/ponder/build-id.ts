import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import type { IndexerConfig } from './indexer-config.ts'
import { checkedSchema } from './names.ts'

const entries = ['ponder.config.ts', 'ponder.schema.ts']
// An `import type` leaves nothing at runtime.
const imported = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"](\.{1,2}\/[^'"]+)['"]/gm

/**
 * The schema of an index: `<prefix>_<12 hex digits>`. Ponder goes on with a schema only under the same program and
 * configuration, so both are in the name: the indexer's own files with all that they import (the ABIs among it),
 * Ponder's version, the chains' ids and names and the contracts. Not in it: providers, which may change at any time.
 *
 * @param options.root the indexer's folder
 * @param options.ponderVersion of the installed Ponder
 * @param options.identities what else tells two chains of one id apart, such as the genesis hashes of development
 *   chains that begin anew
 */
export function indexSchema(options: {
  readonly prefix: string
  readonly root: string
  readonly ponderVersion: string
  readonly config: IndexerConfig
  readonly identities?: readonly string[]
}): string {
  const { root, config, ponderVersion, identities = [] } = options
  const hash = createHash('sha256')
  for (const file of programFiles(root)) {
    hash
      .update(`${relative(root, file).split(sep).join('/')}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  const chains = config.chains.map(({ id, name }) => `${id} ${name}`).sort()
  const contracts = config.contracts
    .map((it) => `${it.kind} ${it.chainId} ${it.address.toLowerCase()} ${it.startBlock}`)
    .sort()
  const custom = (config.custom ?? []).map((it) => JSON.stringify(it)).sort()
  hash.update(JSON.stringify({ ponderVersion, chains, contracts, custom, identities }))
  return checkedSchema(`${options.prefix}_${hash.digest('hex').slice(0, 12)}`)
}

/** Ponder's entry points under `root` and every file that they import by a relative path, sorted. */
export function programFiles(root: string): readonly string[] {
  // Ponder runs all of `src`; what `custom` holds is imported by a file that is written for each build.
  const found = ['src', 'custom'].flatMap((folder) =>
    readdirSync(resolve(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => resolve(entry.parentPath, entry.name)),
  )
  return filesFrom([...entries.map((entry) => resolve(root, entry)), ...found])
}

/** Files and every file that they import by a relative path, sorted. */
export function filesFrom(starts: readonly string[]): readonly string[] {
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    for (const [, path] of readFileSync(file, 'utf8').matchAll(imported)) {
      if (path !== undefined) visit(resolve(dirname(file), path))
    }
  }
  for (const start of starts) visit(start)
  return [...found].sort()
}
