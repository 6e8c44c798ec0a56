import type { ChainLog, Hex } from '../ports/chain.ts'
import type { Row } from '../ports/index-tables.ts'
import type { Json } from '../ports/json.ts'
import type { ArgumentsOf, AuditedEvent } from './audit-scope.ts'

export interface Difference {
  /** `<block hash>/<log index>`. */
  readonly id: string
  readonly chain: string | null
  readonly index: string | null
}

/**
 * Where the index's rows and the chain's logs differ, in the chain's order. `times`: when blocks were made, by hash, as far
 * as that is known. Of the rows only those count that `events`
 * speaks of: who shares an indexer finds rows of others in it.
 */
export function differences(
  logs: readonly ChainLog[],
  rows: readonly Row<'event'>[],
  events: readonly AuditedEvent[],
  argumentsOf: ArgumentsOf,
  times: ReadonlyMap<Hex, number> = new Map(),
): readonly Difference[] {
  const chain = new Map<string, string>()
  for (const log of logs) {
    const event = events.find(
      ({ address, topic, from }) =>
        topic === log.topics[0] && address === log.address.toLowerCase() && from <= log.blockNumber,
    )
    const data = event === undefined ? null : argumentsOf(event.name, log)
    const time = times.get(log.blockHash)
    if (event !== undefined && data !== null)
      chain.set(
        idOf(log),
        `${textOf({ ...log, name: event.name, data })}${time === undefined ? '' : ` at ${time}`}`,
      )
  }
  const index = new Map<string, string>()
  for (const row of rows) {
    const kept = events.some(
      ({ address, name, from }) => name === row.name && address === row.address && from <= row.blockNumber,
    )
    if (kept) index.set(idOf(row), `${textOf(row)}${times.has(row.blockHash) ? ` at ${row.timestamp}` : ''}`)
  }
  return [...new Set([...chain.keys(), ...index.keys()])]
    .filter((id) => chain.get(id) !== index.get(id))
    .map((id) => ({ id, chain: chain.get(id) ?? null, index: index.get(id) ?? null }))
}

function idOf({ blockHash, logIndex }: Pick<ChainLog, 'blockHash' | 'logIndex'>): string {
  return `${blockHash.toLowerCase()}/${logIndex}`
}

function textOf(
  row: Pick<Row<'event'>, 'name' | 'address' | 'transactionHash' | 'blockNumber' | 'data'>,
): string {
  const { name, address, transactionHash, blockNumber, data } = row
  return `${name} ${address.toLowerCase()} ${transactionHash.toLowerCase()} ${blockNumber} ${canonical(data)}`
}

/** Equal for equal values: keys in order, hex in lower case. */
function canonical(value: Json): string {
  if (typeof value === 'string')
    return JSON.stringify(/^0x[0-9a-fA-F]*$/.test(value) ? value.toLowerCase() : value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner as Json)}`).join(',')}}`
}
