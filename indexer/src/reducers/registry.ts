import type { Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import { lower, type Place } from './event.ts'

export function modelRowId({ chainId, address }: Place, modelId: bigint): string {
  return `${chainId}-${lower(address)}-${modelId}`
}

export function modelVersionRowId(place: Place, modelId: bigint, version: number): string {
  return `${modelRowId(place, modelId)}-${version}`
}

export function modelRow(
  place: Place,
  { modelId, owner, name }: { readonly modelId: bigint; readonly owner: Hex; readonly name: string },
): Row<'model'> {
  return {
    id: modelRowId(place, modelId),
    chainId: place.chainId,
    registry: lower(place.address),
    modelId,
    owner: lower(owner),
    name,
    createdBlock: place.blockNumber,
  }
}

/** A version is active from its registration on. */
export function modelVersionRow(
  place: Place,
  args: {
    readonly modelId: bigint
    readonly version: number
    readonly manifestDigest: Hex
    readonly uri: string
  },
): Row<'modelVersion'> {
  return {
    id: modelVersionRowId(place, args.modelId, args.version),
    chainId: place.chainId,
    registry: lower(place.address),
    modelId: args.modelId,
    version: args.version,
    manifestDigest: lower(args.manifestDigest),
    uri: args.uri,
    active: true,
    createdBlock: place.blockNumber,
    timestamp: place.timestamp,
  }
}
