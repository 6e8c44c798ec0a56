import type { Hex } from '../../../node/ports/chain.ts'
import { blockSlots, type Row } from '../../../node/ports/index-tables.ts'
import { lower } from './event.ts'

/** The row of `block` for a live block: it takes the place of the block `blockSlots` before it. */
export function blockRow(
  chainId: number,
  block: {
    readonly number: bigint
    readonly hash: Hex
    readonly parentHash: Hex
    readonly timestamp: bigint
  },
): Row<'block'> {
  return {
    chainId,
    slot: Number(block.number % BigInt(blockSlots)),
    number: block.number,
    hash: lower(block.hash),
    parentHash: lower(block.parentHash),
    timestamp: block.timestamp,
  }
}
