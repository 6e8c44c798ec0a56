import { keccak256, toHex } from 'viem'
import type { BlockRef, ChainReader, ChainTransaction, Hex } from '../../node/ports/chain.ts'
import { IyiError } from '../../node/ports/errors.ts'

export interface MemoryChain extends ChainReader {
  /** Makes the chain exactly `length` blocks long (0..length - 1); blocks from `fork` on get other hashes. */
  grow(chainId: number, length: number, options?: { fork?: number; salt?: string; timestamps?: number }): void
  /** Every read of that chain rejects with CHAIN_UNAVAILABLE while down. */
  setDown(chainId: number, down: boolean): void
  /** What `call` answers. */
  onCall(answer: (chainId: number, request: { to: Hex; data: Hex }) => Hex): void
  addTransaction(chainId: number, transaction: ChainTransaction): void
}

/** `ChainReader` over blocks in memory; block i of a chain is 10 s after block i - 1 unless told otherwise. */
export function memoryChain(
  chains: readonly { id: number; confirmations: number }[],
  origin = 1_700_000_000,
): MemoryChain {
  const blocks = new Map<number, BlockRef[]>(chains.map(({ id }) => [id, []]))
  const transactions = new Map<string, ChainTransaction>()
  const down = new Set<number>()
  let answer = (_chainId: number, _request: { to: Hex; data: Hex }): Hex => '0x'

  const of = (chainId: number): BlockRef[] => {
    const found = blocks.get(chainId)
    if (found === undefined) throw new IyiError('CHAIN_UNKNOWN', 'no such chain', { data: { chainId } })
    if (down.has(chainId))
      throw new IyiError('CHAIN_UNAVAILABLE', 'the chain is down', { data: { chainId }, retry: true })
    return found
  }
  const head = (chainId: number): BlockRef => {
    const last = of(chainId).at(-1)
    if (last === undefined)
      throw new IyiError('CHAIN_UNAVAILABLE', 'no block yet', { data: { chainId }, retry: true })
    return last
  }

  return {
    grow: (chainId, length, { fork = length, salt = '', timestamps = origin } = {}) => {
      const known = blocks.get(chainId) ?? []
      blocks.set(
        chainId,
        Array.from({ length }, (_, number) => {
          const same = number < fork ? known[number] : undefined
          if (same !== undefined) return same
          return {
            number: BigInt(number),
            hash: keccak256(toHex(`${chainId}/${number}/${salt}`)),
            parentHash: keccak256(toHex(`${chainId}/${number - 1}/${salt}`)),
            timestamp: timestamps + number * 10,
          }
        }),
      )
    },
    setDown: (chainId, value) => {
      if (value) down.add(chainId)
      else down.delete(chainId)
    },
    onCall: (value) => {
      answer = value
    },
    addTransaction: (chainId, transaction) => {
      transactions.set(`${chainId}/${transaction.hash}`, transaction)
    },
    chains: () => chains.map(({ id, confirmations }) => ({ id, name: `chain-${id}`, confirmations })),
    head: async (chainId) => head(chainId),
    finalized: async (chainId) => head(chainId),
    block: async (chainId, at) => {
      if (at === 'latest') return head(chainId)
      return of(chainId).find((block) => (typeof at === 'bigint' ? block.number : block.hash) === at) ?? null
    },
    call: async (chainId, request) => {
      of(chainId)
      return answer(chainId, request)
    },
    logs: async () => [],
    transaction: async (chainId, hash) => {
      of(chainId)
      return transactions.get(`${chainId}/${hash}`) ?? null
    },
    receipt: async () => null,
    balance: async () => 0n,
  }
}
