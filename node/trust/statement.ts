import { keccak256, stringToHex } from 'viem'
import type { ChainLog, Hex } from '../ports/chain.ts'
import type { Witness, WitnessedHeader } from '../ports/witness.ts'
import { lowest } from './lowest.ts'

export interface Range {
  readonly from: bigint
  readonly to: bigint
}

/** What one provider says of a range of blocks. */
export interface Statement {
  readonly witness: Witness
  /** Header of the last block. */
  readonly end: WitnessedHeader
  /** Header of the first block; the same object where there is one block only. */
  readonly first: WitnessedHeader
  /** Of the audited contracts, ascending. */
  readonly logs: readonly ChainLog[]
}

/** Equal for providers that tell the same logs. */
export function logsDigest(logs: readonly ChainLog[]): Hex {
  return keccak256(stringToHex(logs.map(lineOf).join('\n')))
}

/** One log as text, everything that counts in it. */
export function lineOf(log: ChainLog): string {
  const { blockHash, logIndex, transactionHash, address, topics, data } = log
  return [blockHash, logIndex, transactionHash, address, topics.join(','), data].join(' ').toLowerCase()
}

/**
 * The first block of which two providers that stand on the same last block say different things; null when they say
 * the same.
 */
export function disputedBlock(range: Range, one: Statement, other: Statement): bigint | null {
  if (one.first.hash !== other.first.hash || one.first.parentHash !== other.first.parentHash)
    return range.from
  const { parentHash, receiptsRoot, timestamp } = one.end
  if (
    parentHash !== other.end.parentHash ||
    receiptsRoot !== other.end.receiptsRoot ||
    timestamp !== other.end.timestamp
  )
    return range.to
  const [a, b] = [one.logs.map(lineOf), other.logs.map(lineOf)]
  const at = a.findIndex((line, index) => line !== b[index])
  if (at === -1 && a.length === b.length) return null
  const place = at === -1 ? Math.min(a.length, b.length) : at
  return lowest(
    [one.logs[place], other.logs[place]].flatMap((log) => (log === undefined ? [] : [log.blockNumber])),
  )
}
