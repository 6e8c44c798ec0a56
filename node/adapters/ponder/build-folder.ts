import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { IndexerConfig } from './indexer-config.ts'
import { copyProgram } from './program-copy.ts'

/** What a build runs from: its own copy of the program, and its configuration. */
export interface BuildFolder {
  readonly root: string
  readonly configPath: string
  readonly config: IndexerConfig
}

/**
 * The folder of a build, made if it is ours and not there yet. An older build keeps what it indexes, and gets the
 * providers that the chains have today. Null for an older one whose folder is gone or damaged: it can be read and not go on.
 */
export function buildFolder(options: {
  readonly dir: string
  readonly schema: string
  readonly ours: string
  /** The indexer's folder in the installed program. */
  readonly root: string
  readonly config: IndexerConfig
}): BuildFolder | null {
  const { dir, schema, ours, config } = options
  const into = resolve(dir, schema)
  const configPath = join(into, 'indexer.json')
  try {
    const own = schema === ours ? config : withProviders(readConfig(configPath), config)
    const root = copyProgram({ root: options.root, into, make: schema === ours, custom: own.custom ?? [] })
    if (root === null) return null
    mkdirSync(dirname(configPath), { recursive: true })
    // Whole or not at all: a later start reads it.
    const draft = `${configPath}.${process.pid}`
    writeFileSync(draft, `${JSON.stringify(own, null, 2)}\n`, { mode: 0o600, flush: true })
    renameSync(draft, configPath)
    return { root, configPath, config: own }
  } catch (error) {
    const lost =
      error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    if (schema !== ours && lost) return null
    throw error
  }
}

function readConfig(path: string): IndexerConfig {
  return JSON.parse(readFileSync(path, 'utf8')) as IndexerConfig
}

/** Names stay: Ponder knows its chains by them. */
function withProviders(old: IndexerConfig, now: IndexerConfig): IndexerConfig {
  const chains = old.chains.map((chain) => {
    const today = now.chains.find(({ id }) => id === chain.id)
    return today === undefined ? chain : { ...today, name: chain.name }
  })
  return { ...old, chains }
}
