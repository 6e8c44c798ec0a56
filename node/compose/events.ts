import {
  listConsumers,
  listDeadLetters,
  replayEvents,
  retryDeadLetters,
} from '../adapters/postgres/event-admin.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { EventConsumerStatus, EventDeadLetter } from '../ports/event-admin.ts'
import { withNodeDatabase } from './validator-database.ts'

type Modules = Parameters<typeof withNodeDatabase>[1]

// What `iyi events` does, beside the running node or without it: all of it is a row in the database, and the node looks
// each second.

export function eventConsumers(
  config: NodeConfig,
  modules: Modules,
): Promise<readonly EventConsumerStatus[]> {
  return withNodeDatabase(config, modules, listConsumers)
}

export function eventDeadLetters(
  config: NodeConfig,
  options: { consumer: string | null },
  modules: Modules,
): Promise<readonly EventDeadLetter[]> {
  return withNodeDatabase(config, modules, (database) => listDeadLetters(database, options))
}

export function retryEvents(
  config: NodeConfig,
  options: { consumer: string; ids: readonly bigint[] | null },
  modules: Modules,
): Promise<number> {
  return withNodeDatabase(config, modules, (database) => retryDeadLetters(database, options))
}

export function replayConsumer(
  config: NodeConfig,
  options: { consumer: string; chainId: number; fromBlock: bigint },
  modules: Modules,
): Promise<{ readonly notices: bigint }> {
  return withNodeDatabase(config, modules, (database) => replayEvents(database, options))
}
