import { ponder } from 'ponder:registry'
import { transfer } from 'ponder:schema'

ponder.on('token:Transfer', async ({ event, context: { db, chain } }) => {
  const { block, log, transaction, args } = event
  await db.insert(transfer).values({
    id: event.id,
    chainId: chain.id,
    blockNumber: block.number,
    blockHash: block.hash,
    logIndex: log.logIndex,
    transactionHash: transaction.hash,
    timestamp: block.timestamp,
    address: log.address,
    from: args.from,
    to: args.to,
    value: args.value,
  })
})
