import { type CustomColumn, type CustomTable, customEventName } from '../../../node/ports/custom-tables.ts'
import type { ColumnKind, Row } from '../../../node/ports/index-tables.ts'
import type { Json } from '../../../node/ports/json.ts'
import { argsToJson, type DecodedValue, eventRow, logId, lower, type Place } from './event.ts'

type Args = { readonly [name: string]: DecodedValue } | readonly DecodedValue[] | undefined

/**
 * The row of an operator's event.
 *
 * @param args as viem decodes them: by name, or as a list when an input has none
 */
export function customRow(place: Place, { columns }: CustomTable, args: Args): Record<string, unknown> {
  return {
    id: logId(place),
    chainId: place.chainId,
    blockNumber: place.blockNumber,
    blockHash: lower(place.blockHash),
    logIndex: place.logIndex,
    transactionHash: lower(place.transactionHash),
    timestamp: place.timestamp,
    address: lower(place.address),
    ...Object.fromEntries(
      columns.filter(isInput).map(({ name, kind, input }) => [name, stored(kind, inputOf(args, input))]),
    ),
  }
}

/**
 * The row of `event` for it, with the arguments by the names of their columns. The log is read where a text with U+0000
 * can't be taken apart: the replacement character stands in for it here too.
 */
export function customEvent(
  place: Place,
  { contract, event, columns }: CustomTable,
  args: Args,
): Row<'event'> {
  const named = columns
    .filter(isInput)
    .map(({ name, input }) => [name, withoutNul(argsToJson(given(inputOf(args, input))))] as const)
  return { ...eventRow(place, customEventName(contract, event), {}), data: Object.fromEntries(named) }
}

function withoutNul(value: Json): Json {
  if (typeof value === 'string') return value.replaceAll('\0', '\u{fffd}')
  if (isJsonList(value)) return value.map(withoutNul)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name.replaceAll('\0', '\u{fffd}'), withoutNul(inner)]),
  )
}

function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isInput(
  column: CustomColumn,
): column is CustomColumn & { readonly input: NonNullable<CustomColumn['input']> } {
  return column.input !== null
}

/** By name: viem puts the indexed ones first. */
function inputOf(args: Args, { at, name }: NonNullable<CustomColumn['input']>): DecodedValue | undefined {
  if (args === undefined) return undefined
  return isList(args) ? args[at] : args[name]
}

// `Array.isArray` does not narrow readonly arrays.
function isList(args: object): args is readonly DecodedValue[] {
  return Array.isArray(args)
}

function given(value: DecodedValue | undefined): DecodedValue {
  if (value === undefined) throw new RangeError('the log lacks an input of its event')
  return value
}

function stored(kind: ColumnKind, input: DecodedValue | undefined): unknown {
  const value = given(input)
  switch (kind) {
    case 'bigint':
      return BigInt(value as bigint | number)
    case 'hex':
      return lower(value as `0x${string}`)
    case 'json':
      return argsToJson(value)
    case 'text':
      // PostgreSQL's texts hold no U+0000: the replacement character stands in for it.
      return (value as string).replaceAll('\0', '\u{fffd}')
    default:
      return value
  }
}
