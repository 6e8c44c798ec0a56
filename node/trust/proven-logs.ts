import type { ChainLog } from '../ports/chain.ts'
import type { WitnessedHeader, WitnessedReceipt } from '../ports/witness.ts'
import type { Scope } from './take-statement.ts'

/** The logs within `scope` of a block, from its receipts; a log's place counts through the whole block. */
export function logsOfReceipts(
  { number, hash }: Pick<WitnessedHeader, 'number' | 'hash'>,
  receipts: readonly WitnessedReceipt[],
  scope: Scope,
): readonly ChainLog[] {
  const addresses = new Set(scope.addresses.map((address) => address.toLowerCase()))
  const topics = new Set<string>(scope.topics)
  let next = 0
  return receipts.flatMap(({ transactionHash, logs }) =>
    logs
      .map((log) => ({ ...log, blockNumber: number, blockHash: hash, transactionHash, logIndex: next++ }))
      .filter(
        ({ address, topics: [first] }) => addresses.has(address.toLowerCase()) && topics.has(first ?? ''),
      ),
  )
}

/**
 * Whether a provider's logs are those that receipts prove. The hash of a transaction is not in its receipt, so it is
 * not compared.
 */
export function sameAsProven(told: readonly ChainLog[], proven: readonly ChainLog[]): boolean {
  return told.length === proven.length && told.every((log, at) => provable(log) === provable(proven[at]))
}

function provable(log: ChainLog | undefined): string {
  if (log === undefined) return ''
  const { blockHash, logIndex, address, topics, data } = log
  return [blockHash, logIndex, address, topics.join(','), data].join(' ').toLowerCase()
}
