import type { Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { Json } from '../../../node/ports/json.ts'

/** Where a log sits on its chain. */
export interface Place {
  readonly chainId: number
  readonly blockNumber: bigint
  readonly blockHash: Hex
  /** Unix seconds of the block. */
  readonly timestamp: bigint
  readonly transactionHash: Hex
  readonly logIndex: number
  /** The contract that emitted. */
  readonly address: Hex
}

/** Addresses and hashes are kept in lower case, so that equal values are equal texts. */
export function lower(hex: Hex): Hex {
  return hex.toLowerCase() as Hex
}

/** Unique id of a log; ids of one chain sort as their logs do. */
export function logId({ chainId, blockNumber, logIndex }: Place): string {
  return `${chainId}-${blockNumber.toString().padStart(12, '0')}-${logIndex.toString().padStart(6, '0')}`
}

/** What viem makes of decoded arguments. */
export type DecodedValue =
  | string
  | number
  | bigint
  | boolean
  | readonly DecodedValue[]
  | { readonly [name: string]: DecodedValue }

/** Decoded arguments as JSON: integers of every size as decimal strings, all else as it is. */
export function argsToJson(value: DecodedValue): Json {
  if (typeof value === 'bigint' || typeof value === 'number') return value.toString()
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (isList(value)) return value.map(argsToJson)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, argsToJson(inner)]))
}

// `Array.isArray` does not narrow readonly arrays.
function isList(value: object): value is readonly DecodedValue[] {
  return Array.isArray(value)
}

/**
 * The row of `event` for a log.
 *
 * @param name `<contract kind>.<Event>`
 * @param args decoded by name
 */
export function eventRow(
  place: Place,
  name: string,
  args: { readonly [name: string]: DecodedValue },
): Row<'event'> {
  return {
    id: logId(place),
    chainId: place.chainId,
    blockNumber: place.blockNumber,
    blockHash: lower(place.blockHash),
    logIndex: place.logIndex,
    transactionHash: lower(place.transactionHash),
    timestamp: place.timestamp,
    address: lower(place.address),
    name,
    data: argsToJson(args),
  }
}
