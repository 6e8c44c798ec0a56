import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { customContracts } from '../../config/custom-contracts.ts'
import { ConfigError } from '../../config/errors.ts'
import { loadConfig } from '../../config/load.ts'
import type { AbiTrial, CliDeps } from '../deps.ts'

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
 * one: what is wrong with the contract is told, and nothing changes. The ABI is held against the newest logs, where a
 * provider answers. Rejects with `ConfigError`.
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
    const trial = added === undefined ? null : await deps.tryAbi(config, added)
    renameSync(draft, path)
    for (const event of added?.events ?? [])
      deps.stdout.write(`${name}: ${event.name} will be at /v1/index/${name}/${event.name}\n`)
    tell(trial, deps)
  } catch (error) {
    throw error instanceof ConfigError ? named(error, { draft, path }) : error
  } finally {
    rmSync(draft, { force: true })
  }
  deps.stderr.write(
    'restart the node: it makes the new index beside the one that is read, see "iyi db builds"\n',
  )
}

/** The draft is nothing that the operator knows. */
function named(error: ConfigError, { draft, path }: { draft: string; path: string }): ConfigError {
  const { faults } = error.data
  return new ConfigError(error.code, error.message.replaceAll(draft, path), { path, faults, cause: error })
}

/** What the chain says of the ABI. It is no reason to refuse: older logs may fit. */
function tell(trial: AbiTrial | null, { stderr }: CliDeps): void {
  if (trial === null) stderr.write('no provider answered: whether the ABI fits is not known\n')
  for (const address of trial?.codeless ?? [])
    stderr.write(`there is no contract at ${address} on this chain: is it the right chain and address?\n`)
  if (trial === null || trial.first === null) return
  const { logs, misfits, first } = trial
  stderr.write(
    `${misfits} of the newest ${logs} logs do not fit the ABI, and will be in no table: ${first.event}: ${first.error}. Is it the ABI of this very contract?\n`,
  )
}
