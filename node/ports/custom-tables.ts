import type { Address } from './chain.ts'
import type { ColumnKind } from './index-tables.ts'

/** One input of an event, in the JSON form of Solidity's ABI. */
export interface AbiInput {
  readonly name?: string | undefined
  readonly type: string
  readonly indexed?: boolean | undefined
  readonly components?: readonly AbiInput[] | undefined
}

export interface AbiEvent {
  readonly type: 'event'
  readonly name: string
  readonly inputs: readonly AbiInput[]
  readonly anonymous?: boolean | undefined
}

/** Where a factory's children come from: each such event names one of them. */
export interface Factory {
  readonly address: Address
  readonly event: AbiEvent
  /** Name of the input that holds the child's address. */
  readonly parameter: string
}

/** A contract that an operator follows, with no code of ours for it: every event becomes rows with typed columns. */
export interface CustomContract {
  /** Lower-case letters, digits and `_`, a letter first; begins the names of its tables. */
  readonly name: string
  readonly chainId: number
  readonly source: { readonly addresses: readonly Address[] } | { readonly factory: Factory }
  readonly startBlock: number
  readonly events: readonly AbiEvent[]
}

export interface CustomColumn {
  /** As the API has it; snake_case in PostgreSQL. */
  readonly name: string
  readonly kind: ColumnKind
  /** Of the event's inputs, which, and what the ABI calls it; null for what every row has. */
  readonly input: { readonly at: number; readonly name: string } | null
}

export interface CustomTable {
  readonly contract: string
  readonly event: string
  /** In PostgreSQL. */
  readonly table: string
  readonly columns: readonly CustomColumn[]
}

/** What every row has, whatever the event. */
export const placeColumns = [
  { name: 'id', kind: 'text', input: null },
  { name: 'chainId', kind: 'int', input: null },
  { name: 'blockNumber', kind: 'bigint', input: null },
  { name: 'blockHash', kind: 'hex', input: null },
  { name: 'logIndex', kind: 'int', input: null },
  { name: 'transactionHash', kind: 'hex', input: null },
  { name: 'timestamp', kind: 'bigint', input: null },
  { name: 'address', kind: 'hex', input: null },
] as const satisfies readonly CustomColumn[]

/** PostgreSQL cuts longer names off without a word; Ponder adds `_reorg__` in front of a table's. */
const MAX_NAME = 54

/** The tables of a contract, one for each of its events. What can't be a table is told by `customFaults`. */
export function customTables({ name, events }: CustomContract): readonly CustomTable[] {
  return events.map((event) => ({
    contract: name,
    event: event.name,
    table: `custom_${name}_${snakeCase(event.name)}`,
    columns: [...placeColumns, ...event.inputs.map(columnOf)],
  }))
}

/** Why these contracts can't have tables, for people; empty when they can. */
export function customFaults(contracts: readonly CustomContract[]): readonly string[] {
  const faults: string[] = []
  const tables = contracts.flatMap(customTables)
  for (const { name, events } of contracts) {
    if (events.length === 0) faults.push(`${name}: its ABI has no event`)
    if (events.some(({ anonymous }) => anonymous === true))
      faults.push(`${name}: an anonymous event can't be told by its topic; leave it out with "events"`)
  }
  for (const { contract, event, table, columns } of tables) {
    const of = `${contract}.${event}`
    if (tables.filter((other) => other.table === table).length > 1)
      faults.push(
        `${of}: two events would share the table ${table}; name the contracts apart, or leave one out`,
      )
    const names = columns.map((column) => snakeCase(column.name))
    const double = names.find((each, at) => names.indexOf(each) < at)
    if (double !== undefined) faults.push(`${of}: two columns would be called ${double}`)
    for (const long of [table, ...names].filter((each) => each.length > MAX_NAME))
      faults.push(`${of}: ${long} is longer than ${MAX_NAME} characters`)
  }
  return [...new Set(faults)]
}

function columnOf(input: AbiInput, at: number): CustomColumn {
  const own = input.name === undefined || input.name === '' ? `arg${at}` : input.name
  // An input called like what every row has steps aside.
  const taken = placeColumns.some(({ name }) => snakeCase(name) === snakeCase(own))
  return { name: taken ? `${own}Arg` : own, kind: kindOf(input), input: { at, name: input.name ?? '' } }
}

/** Of an indexed input that has no fixed size, a log holds the hash alone. */
function kindOf({ type, indexed }: AbiInput): ColumnKind {
  if (/^u?int\d*$/.test(type)) return 'bigint'
  if (type === 'address' || /^bytes\d+$/.test(type) || type === 'bytes') return 'hex'
  if (type === 'bool') return 'bool'
  if (indexed === true) return 'hex'
  return type === 'string' ? 'text' : 'json'
}

export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}
