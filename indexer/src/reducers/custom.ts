import type { CustomColumn, CustomTable } from '../../../node/ports/custom-tables.ts'
import type { ColumnKind } from '../../../node/ports/index-tables.ts'
import { argsToJson, type DecodedValue, logId, lower, type Place } from './event.ts'

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

function stored(kind: ColumnKind, value: DecodedValue | undefined): unknown {
  if (value === undefined) throw new RangeError('the log lacks an input of its event')
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
