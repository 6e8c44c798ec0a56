import { accessSync, constants } from 'node:fs'
import { handledEvents } from '../../indexer/handled-events.ts'
import { customContracts } from '../config/custom-contracts.ts'
import { type ConfigFault, invalidConfig } from '../config/errors.ts'
import type { ConfigSource } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import { outboxFiles } from '../config/outbox-schema.ts'
import type { NodeConfig } from '../config/schema.ts'
import { customEventName } from '../ports/custom-tables.ts'

/**
 * What the outbox names must be there: files that can be read, events that the index has. Throws `ConfigError`
 * `CONFIG_INVALID` with every fault at once; of ABIs that can't be read first.
 */
export function checkOutbox(config: NodeConfig, source: Pick<ConfigSource, 'path'>): void {
  if (config.outbox.length === 0) return
  const names = namesOf(config, source.path)
  const faults = config.outbox.flatMap((target, at): ConfigFault[] => {
    const kind = target.nats === undefined ? 'kafka' : 'nats'
    const files = outboxFiles(target)
      .filter(({ path }) => !isReadable(path))
      .map(({ key, path }) => ({
        path: `outbox.${at}.${kind}.${key}`,
        from: 'file',
        message: `${path} can't be read`,
        remedy: 'correct the path, or let the node read the file',
      }))
    const events = target.events
      .filter((pattern) => !names.some((name) => matches(pattern, name)))
      .map((pattern) => ({
        path: `outbox.${at}.events`,
        from: 'file',
        message: `no event is called ${pattern}`,
        remedy: remedyOf(pattern, names),
      }))
    return [...files, ...events]
  })
  if (faults.length > 0) throw invalidConfig(source.path, faults)
}

const handled = [...new Set(handledEvents.map(({ name }) => name))]

/** With those of operators' contracts, as their ABIs say. */
function namesOf(config: NodeConfig, path: string): readonly string[] {
  const told = customContracts(config, path).filter(({ eventLog }) => eventLog === true)
  return [
    ...handled,
    ...told.flatMap(({ name, events }) => events.map((each) => customEventName(name, each.name))),
  ]
}

function matches(pattern: string, name: string): boolean {
  if (pattern.endsWith('.*')) return name.startsWith(pattern.slice(0, -1))
  return pattern === '*' || pattern === name
}

function remedyOf(pattern: string, names: readonly string[]): string {
  const close = nearest(pattern, names)
  return close === null ? `the events are: ${names.join(', ')}` : `did you mean "${close}"?`
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
