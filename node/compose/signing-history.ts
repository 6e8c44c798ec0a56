import { systemClock } from '../adapters/clock/system.ts'
import { listKeystores } from '../adapters/keystore/list.ts'
import { SigningHistoryError } from '../adapters/postgres/errors.ts'
import { readHistoryFile } from '../adapters/postgres/history-file.ts'
import { exportHistory, importHistory } from '../adapters/postgres/history-transfer.ts'
import type { HistoryExport, HistoryImport } from '../cli/deps.ts'
import type { NodeConfig } from '../config/schema.ts'
import { withValidatorDatabase } from './validator-database.ts'

interface Modules {
  readonly signal: AbortSignal
  readonly stderr: { write(text: string): unknown }
}

/**
 * The signing history of the keys that the node holds, as a document; with `retire` the database signs nothing with
 * them any more. Rejects with `SigningHistoryError`, and as `withValidatorDatabase`.
 */
export async function exportSigningHistory(
  config: NodeConfig,
  { retire }: { retire: boolean },
  modules: Modules,
): Promise<HistoryExport> {
  const keys = await signingKeys(config)
  const { content, text, otherKeys } = await interruptible(modules.signal, () =>
    withValidatorDatabase(config, modules, (database) =>
      exportHistory({ keys, retire, createdAt: new Date(systemClock.now()).toISOString() }, { database }),
    ),
  )
  return {
    text,
    retired: content.retired,
    keys: content.keys.map(({ keyId, entries }) => ({ keyId, entries: entries.length })),
    otherKeys,
  }
}

/**
 * Takes over the history in a file, whole or not at all. Rejects with `SigningHistoryError`, and as
 * `withValidatorDatabase`.
 */
export async function importSigningHistory(
  config: NodeConfig,
  { file }: { file: string },
  modules: Modules,
): Promise<HistoryImport> {
  // What can be wrong without opening the database is told first.
  const content = await readHistoryFile(file)
  const keys = await signingKeys(config)
  const imported = await interruptible(modules.signal, () =>
    withValidatorDatabase(config, modules, (database) => importHistory({ content, keys }, { database })),
  )
  return {
    createdAt: content.createdAt,
    retired: content.retired,
    keys: imported,
    uncovered: keys.filter((key) => !content.keys.some(({ keyId }) => keyId === key)),
  }
}

/** What the history calls the keys that sign for the quorum. No password is needed. */
async function signingKeys(config: NodeConfig): Promise<readonly string[]> {
  const keys = (await listKeystores({ dir: config.keys.dir }))
    .filter(({ role }) => role === 'consensus' || role === 'signer')
    .flatMap(({ identity }) => identity ?? [])
  if (keys.length === 2) return keys
  throw new SigningHistoryError(
    'SIGNING_HISTORY_NO_KEYS',
    `${config.keys.dir} does not hold consensus.json and signer.json with their public parts. Copy the validator's keys there first; a history without its keys is of no use.`,
    { data: { dir: config.keys.dir } },
  )
}

/** Everything that a signal can end here is before the transaction. */
async function interruptible<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error !== signal.reason || !signal.aborted) throw error
    throw new SigningHistoryError('SIGNING_HISTORY_INTERRUPTED', 'Interrupted; nothing was changed.', {
      data: {},
      cause: error,
    })
  }
}
