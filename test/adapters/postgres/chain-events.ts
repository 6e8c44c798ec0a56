import type { ChainInfo, Hex } from '../../../node/ports/chain.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { Json } from '../../../node/ports/json.ts'

export const hash = (value: bigint | number, salt = ''): Hex =>
  `0x${salt}${BigInt(value)
    .toString(16)
    .padStart(64 - salt.length, '0')}`

/** A row of the indexed `event` table. */
export function eventRow(
  at: { chainId?: number; block: bigint; logIndex: number; salt?: string },
  name = 'pool.Swap',
  data: Json = {},
): Row<'event'> {
  const { chainId = 1, block, logIndex, salt = '' } = at
  return {
    id: `${chainId}-${block}-${salt}-${logIndex}`,
    chainId,
    blockNumber: block,
    blockHash: hash(block, salt),
    logIndex,
    transactionHash: hash(block * 1000n + BigInt(logIndex), 'f'),
    timestamp: block,
    address: `0x${'ab'.repeat(20)}`,
    name,
    data,
  }
}

export const chain = (id: number, confirmations: number): ChainInfo => ({
  id,
  name: `chain-${id}`,
  confirmations,
})
