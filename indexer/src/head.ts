import { ponder } from 'ponder:registry'
import { watermark } from 'ponder:schema'

// Ponder's own checkpoint does not go back when a reorganisation or a restart takes rows away, so for a while it names
// blocks whose rows are not there. This row is written and reverted with them, in the same transactions.
ponder.on('head:block', async ({ event: { block }, context: { db, chain } }) => {
  const row = {
    chainId: chain.id,
    blockNumber: block.number,
    blockHash: block.hash,
    timestamp: block.timestamp,
  }
  await db.insert(watermark).values(row).onConflictDoUpdate(row)
})
