import type { Hex } from '../../node/ports/chain.ts'
import type { Place } from './reducers/event.ts'

interface LogEvent {
  readonly block: { readonly number: bigint; readonly hash: Hex; readonly timestamp: bigint }
  readonly transaction: { readonly hash: Hex }
  readonly log: { readonly address: Hex; readonly logIndex: number }
}

/** What the reducers need of Ponder's event and chain. */
export function placeOf(event: LogEvent, chain: { readonly id: number }): Place {
  return {
    chainId: chain.id,
    blockNumber: event.block.number,
    blockHash: event.block.hash,
    timestamp: event.block.timestamp,
    transactionHash: event.transaction.hash,
    logIndex: event.log.logIndex,
    address: event.log.address,
  }
}
