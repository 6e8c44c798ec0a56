import type { ChainInfo, ChainReader, Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
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

/** Chains whose blocks are those of the indexed events; only their first one is final. */
export function chainsOf(
  index: IndexReader,
  infos: readonly ChainInfo[],
): Pick<ChainReader, 'chains' | 'block' | 'finalized'> {
  const block = async (chainId: number, at: bigint) => {
    const [row] = await index.select({
      table: 'event',
      where: [
        { column: 'chainId', op: '=', value: chainId },
        { column: 'blockNumber', op: '=', value: at },
      ],
      limit: 1,
    })
    return { number: at, hash: row?.blockHash ?? hash(at), parentHash: hash(at - 1n), timestamp: Number(at) }
  }
  return {
    chains: () => infos,
    block: async (chainId, at) => (typeof at === 'bigint' ? block(chainId, at) : null),
    finalized: async () => ({ number: 0n, hash: hash(0n), parentHash: hash(0n), timestamp: 0 }),
  }
}
