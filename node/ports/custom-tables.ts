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
  /** Its events are told by the node's event log too, as `custom.<name>.<Event>`; they are not when absent. */
  readonly eventLog?: boolean | undefined
}

export interface CustomColumn {
  /** As the API has it; snake_case in PostgreSQL. */
  readonly name: string
  readonly kind: ColumnKind
  /** Of the event's inputs, which, and what the ABI calls it; null for what every row has. */
  readonly input: { readonly at: number; readonly name: string } | null
  /** It has an index of its own: the event's author expected to be asked by it. */
  readonly indexed: boolean
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
  { name: 'id', kind: 'text', input: null, indexed: false },
  { name: 'chainId', kind: 'int', input: null, indexed: false },
  { name: 'blockNumber', kind: 'bigint', input: null, indexed: false },
  { name: 'blockHash', kind: 'hex', input: null, indexed: false },
  { name: 'logIndex', kind: 'int', input: null, indexed: false },
  { name: 'transactionHash', kind: 'hex', input: null, indexed: false },
  { name: 'timestamp', kind: 'bigint', input: null, indexed: false },
  { name: 'address', kind: 'hex', input: null, indexed: false },
] as const satisfies readonly CustomColumn[]

/** Ponder takes no longer names of tables, and PostgreSQL cuts longer names of columns off without a word. */
const MAX_TABLE = 45
const MAX_COLUMN = 60

/** Columns of Ponder's own, in the table beside each of ours by which it takes rows back. */
const PONDER_COLUMNS = ['operation', 'operation_id', 'checkpoint']

/** What a name may consist of: it becomes a name in the database. Solidity allows `$` as well. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What the event log calls an event of an operator's contract. */
export function customEventName(contract: string, event: string): string {
  return `custom.${contract}.${event}`
}

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
  for (const { name, other } of sharedLogs(contracts))
    faults.push(
      `${name}: ${other} follows the same contract, and the event log tells each event once; set eventLog at one of the two`,
    )
  for (const { contract, event, table, columns } of tables) {
    const of = `${contract}.${event}`
    if (event.toLowerCase() === 'setup') faults.push(`${of}: an event of this name can't be indexed`)
    for (const odd of [event, ...columns.map((column) => column.name)].filter((each) => !NAME.test(each)))
      faults.push(`${of}: ${JSON.stringify(odd.slice(0, 60))} can't name a column or a table`)
    if (tables.filter((other) => other.table === table).length > 1)
      faults.push(
        `${of}: two events would share the table ${table}; name the contracts apart, or list the one that you want with its inputs: "${event}(address,uint256)"`,
      )
    const names = columns.map((column) => snakeCase(column.name))
    const double = names.find((each, at) => names.indexOf(each) < at)
    if (double !== undefined) faults.push(`${of}: two columns would be called ${double}`)
    if (table.length > MAX_TABLE)
      faults.push(
        `${of}: its table ${table} has more than ${MAX_TABLE} characters; give the contract a shorter name`,
      )
    for (const long of names.filter((each) => each.length > MAX_COLUMN))
      faults.push(`${of}: the column ${long} has more than ${MAX_COLUMN} characters`)
  }
  return [...new Set(faults)]
}

/** Contracts of which both tell the event log of the same logs, as far as that can be seen before any was made. */
function sharedLogs(
  contracts: readonly CustomContract[],
): readonly { readonly name: string; readonly other: string }[] {
  const placesOf = ({ chainId, source, events }: CustomContract) =>
    ('addresses' in source ? source.addresses : [`${source.factory.address} ${source.factory.parameter}`])
      .map((place) => place.toLowerCase())
      .flatMap((place) => events.map((event) => `${chainId} ${place} ${signatureOf(event)}`))
  const told = contracts.filter(({ eventLog }) => eventLog === true)
  return told.flatMap((contract, at) => {
    const places = new Set(placesOf(contract))
    const other = told.slice(0, at).find((each) => placesOf(each).some((place) => places.has(place)))
    return other === undefined ? [] : [{ name: contract.name, other: other.name }]
  })
}

function columnOf(input: AbiInput, at: number): CustomColumn {
  const own = input.name === undefined || input.name === '' ? `arg${at}` : input.name
  // An input called like what every row has steps aside.
  const taken = [...placeColumns.map(({ name }) => snakeCase(name)), ...PONDER_COLUMNS].includes(
    snakeCase(own),
  )
  return {
    name: taken ? `${own}Arg` : own,
    kind: kindOf(input),
    input: { at, name: input.name ?? '' },
    indexed: input.indexed === true,
  }
}

/** `Transfer(address,uint256)`: what tells events of one name apart. */
export function signatureOf({ name, inputs }: AbiEvent): string {
  const typeOf = ({ type, components }: AbiInput): string =>
    components === undefined ? type : type.replace(/^tuple/, `(${components.map(typeOf).join(',')})`)
  return `${name}(${inputs.map(typeOf).join(',')})`
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
