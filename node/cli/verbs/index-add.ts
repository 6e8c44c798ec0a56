import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { customContracts } from '../../config/custom-contracts.ts'
import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

export interface IndexAddOptions {
  readonly config: string
  readonly address: string
  readonly chainId: number
  readonly abi: string
  readonly name: string
  readonly startBlock: number
  /** All when null. */
  readonly events: readonly string[] | null
}

/**
 * Adds a contract to the configuration, whose comments stay. The new file is checked before it takes the place of the old
 * one: what is wrong with the contract is told, and nothing changes. Rejects with `ConfigError`.
 */
export async function indexAdd(options: IndexAddOptions, deps: CliDeps): Promise<void> {
  const path = resolve(options.config)
  loadConfig({ path, env: deps.env })
  const { name, chainId, address, startBlock, events } = options
  const document = parseDocument(readFileSync(path, 'utf8'))
  const entry = {
    ...{ name, chainId, address },
    abi: relative(dirname(path), resolve(options.abi)),
    ...{ startBlock, ...(events === null ? {} : { events: [...events] }) },
  }
  const where = ['indexer', 'contracts']
  if (document.hasIn(where)) document.addIn(where, document.createNode(entry))
  else document.setIn(where, document.createNode([entry]))

  const draft = `${path}.new`
  try {
    // Beside the old one, so that relative paths mean the same.
    writeFileSync(draft, document.toString(), { mode: statSync(path).mode & 0o777 })
    const { config } = loadConfig({ path: draft, env: deps.env })
    const added = customContracts(config, path).find((contract) => contract.name === name)
    renameSync(draft, path)
    for (const event of added?.events ?? [])
      deps.stdout.write(`${name}: ${event.name} will be at /v1/index/${name}/${event.name}\n`)
  } finally {
    rmSync(draft, { force: true })
  }
  deps.stderr.write(
    'restart the node: it makes the new index beside the one that is read, see "iyi db builds"\n',
  )
}
