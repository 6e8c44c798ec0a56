import {
  listOutbox,
  listOutboxLetters,
  type ReplayFrom,
  replayOutbox,
  retryOutboxLetters,
} from '../adapters/postgres/outbox-admin.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { OutboxDeadLetter, OutboxStatus } from '../ports/outbox.ts'
import { outboxSources } from './outbox.ts'
import { withNodeDatabase } from './validator-database.ts'

type Modules = Parameters<typeof withNodeDatabase>[1]

// What `iyi outbox` does, beside the running node or without it: all of it is a row in the database, and the relay looks
// each time before it reads.

export function outboxStatus(config: NodeConfig, modules: Modules): Promise<readonly OutboxStatus[]> {
  return withNodeDatabase(config, modules, (database) =>
    listOutbox(database, outboxSources({ stages: [], events: [], alerts: true }, { database })),
  )
}

export function outboxDeadLetters(
  config: NodeConfig,
  options: { target: string | null },
  modules: Modules,
): Promise<readonly OutboxDeadLetter[]> {
  return withNodeDatabase(config, modules, (database) => listOutboxLetters(database, options))
}

export function retryOutbox(
  config: NodeConfig,
  options: { target: string; ids: readonly bigint[] | null },
  modules: Modules,
): Promise<number> {
  return withNodeDatabase(config, modules, (database) => retryOutboxLetters(database, options))
}

export function replayTarget(
  config: NodeConfig,
  options: { target: string; source: string; from: ReplayFrom },
  modules: Modules,
): Promise<{ readonly seq: bigint }> {
  return withNodeDatabase(config, modules, (database) => replayOutbox(database, options))
}
