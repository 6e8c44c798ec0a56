import type { NodeKeys } from '../adapters/keystore/keys.ts'
import { type Database, openDatabase } from '../adapters/postgres/database.ts'
import { lockDatabase } from '../adapters/postgres/database-lock.ts'
import { refuseRetiredKeys } from '../adapters/postgres/history-transfer.ts'
import { type SigningHistory, signingHistory } from '../adapters/postgres/signing-history.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { ProcessGuard } from '../ports/process.ts'
import { databaseUrl } from './database-url.ts'
import type { Teardown } from './teardown.ts'

/** The node's database, the lock that makes this process the validator, and the history that its keys sign by. */
export interface NodeDatabase {
  readonly url: string
  readonly database: Database
  readonly history: SigningHistory
  readonly lock: Awaited<ReturnType<typeof lockDatabase>>
}

/** Opens them. Rejects with `ConfigError`, `PostgresError`, `DatabaseError`, and for keys that were retired there. */
export async function nodeDatabase(
  config: NodeConfig,
  modules: {
    readonly keys: NodeKeys
    readonly guard: ProcessGuard
    readonly teardown: Teardown
    readonly signal: AbortSignal
    /** Told of what the node can't go on without. */
    readonly onBroken: (error: unknown) => void
    readonly log: Logger
    readonly metrics: Metrics
    readonly clock: Clock
  },
): Promise<NodeDatabase> {
  const { keys, guard, teardown, signal, onBroken, log, metrics, clock } = modules
  const url = await databaseUrl(config, { guard, log, teardown, onEnd: onBroken })
  const database = await openDatabase(
    { url, schema: config.database.schema, applicationName: config.name, signal },
    { log, metrics },
  )
  teardown.add('database', () => database.close())
  const history = signingHistory({ database, metrics })
  const lock = await lockDatabase(
    {
      onLost: (error) => {
        history.suspend('another process may act as this validator')
        onBroken(error)
      },
    },
    { database, clock, log },
  )
  teardown.add('database lock', () => lock.release())
  await refuseRetiredKeys({ keys: [keys.consensus.id, keys.signer.id] }, { database })
  return { url, database, history, lock }
}
