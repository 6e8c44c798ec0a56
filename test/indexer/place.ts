import type { Place } from '../../indexer/src/reducers/event.ts'

export const pool = '0xAbCdEf0000000000000000000000000000000001'

export function place(change: Partial<Place> = {}): Place {
  return {
    chainId: 31337,
    blockNumber: 7n,
    blockHash: `0x${'Aa'.repeat(32)}`,
    timestamp: 1_700_000_003n,
    transactionHash: `0x${'Bb'.repeat(32)}`,
    logIndex: 3,
    address: pool,
    ...change,
  }
}
