import { ponder } from 'ponder:registry'
import { block as blocks, watermark } from 'ponder:schema'
import { blockRow } from './reducers/block.ts'

// Ponder's own checkpoint does not go back when a reorganisation or a restart takes rows away, so for a while it names
// blocks whose rows are not there. These rows are written and reverted with them, in the same transactions.
ponder.on('head:block', async ({ event: { block }, context: { db, chain } }) => {
  const row = {
    chainId: chain.id,
    blockNumber: block.number,
    blockHash: block.hash,
    timestamp: block.timestamp,
  }
  const known = blockRow(chain.id, block)
  await db.insert(blocks).values(known).onConflictDoUpdate(known)
  await db.insert(watermark).values(row).onConflictDoUpdate(row)
})
