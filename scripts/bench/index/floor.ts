import { finished } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type Hex, parseAbiItem } from 'viem'
import { poolFactoryAbi } from '../../../contracts/abi/PoolFactory.ts'
import type { Anvil } from '../../../test/adapters/ponder/fixture.ts'
import type { History } from './history.ts'

/** Logs a request, about: 6 MB, below what viem takes of one answer. */
const LOGS = 10_000
const transfer = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)')

/**
 * The least that an index of these transfers can cost: read the logs, decode them, copy them into a table with the same
 * columns and index. No reorganisations, no restart, no order among contracts. Seconds.
 */
export async function floorSeconds(anvil: Anvil, history: History, databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('create schema bench_floor')
    await client.query(`create table bench_floor.transfer (
      id text primary key, chain_id bigint not null, block_number numeric(78) not null, block_hash text not null,
      log_index integer not null, transaction_hash text not null, address text not null, "from" text not null,
      "to" text not null, value numeric(78) not null)`)
    const began = performance.now()
    const head = await anvil.client.getBlockNumber()
    const address = await addressesOf(anvil, history)
    const chunk = BigInt(Math.max(1, Math.floor((LOGS * Number(head)) / history.events)))
    let rows = 0
    for (let at = 0n; at <= head; at += chunk) {
      const toBlock = at + chunk - 1n < head ? at + chunk - 1n : head
      const logs = await anvil.client.getLogs({ address, event: transfer, fromBlock: at, toBlock })
      const lines = logs.map(({ blockNumber, blockHash, logIndex, transactionHash, address, args }) =>
        [
          `${blockNumber}-${logIndex}`,
          ...[anvil.chainId, blockNumber, blockHash, logIndex, transactionHash, address],
          ...[args.from, args.to, args.value],
        ].join('\t'),
      )
      const stream = client.query(copyFrom('copy bench_floor.transfer from stdin'))
      stream.end(lines.length === 0 ? '' : `${lines.join('\n')}\n`)
      await finished(stream)
      rows += logs.length
    }
    await client.query('create index on bench_floor.transfer (chain_id, block_number, log_index)')
    if (rows !== history.events) throw new RangeError(`read ${rows} transfers of ${history.events}`)
    return (performance.now() - began) / 1000
  } finally {
    await client.end()
  }
}

/** The token, or all that the factory made. */
async function addressesOf({ client }: Anvil, { source }: History): Promise<Hex[]> {
  if ('token' in source) return [source.token]
  const made = await client.getContractEvents({
    ...{
      address: source.factory,
      abi: poolFactoryAbi,
      eventName: 'PairCreated',
      fromBlock: 0n,
      strict: true,
    },
  })
  return made.map(({ args }) => args.pool)
}
