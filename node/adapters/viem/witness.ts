import { numberToHex } from 'viem'
import type { ChainLog, Hex } from '../../ports/chain.ts'
import { hostOf, partyOf, type RpcEndpoint } from '../../ports/rpc-endpoint.ts'
import type { Witness, WitnessedReceipt, WitnessFilter } from '../../ports/witness.ts'
import { hexOf, logsOf, quantityOf } from './decode.ts'
import { ChainError } from './errors.ts'
import type { ProviderPool } from './provider-pool.ts'
import { rawHeaderOf, rawReceiptOf, rawReceiptsOf, transactionHashesOf } from './raw.ts'

/** Receipts asked for at once, where a provider does not give a block's receipts in one answer. */
const AT_ONCE = 8

/** Each provider of a pool by itself, with the pool's budgets, rests and deadlines. */
export function poolWitnesses(pool: ProviderPool, rpc: readonly RpcEndpoint[]): readonly Witness[] {
  return rpc.map((endpoint, provider) => {
    const ask = <T>(method: string, params: readonly unknown[], decode: (result: unknown) => T): Promise<T> =>
      pool.requestFrom(provider, method, params, decode)
    return {
      provider,
      host: hostOf(endpoint),
      party: partyOf(endpoint),
      head: () => ask('eth_blockNumber', [], quantityOf),
      header: (at) =>
        typeof at === 'bigint'
          ? ask('eth_getBlockByNumber', [numberToHex(at), false], rawHeaderOf)
          : ask('eth_getBlockByHash', [at, false], rawHeaderOf),
      logs: async (filter) => {
        const { addresses, topics, at } = filter
        const where =
          'hash' in at
            ? { blockHash: at.hash }
            : { fromBlock: numberToHex(at.from), toBlock: numberToHex(at.to) }
        const first = topics.length === 0 ? {} : { topics: [topics] }
        return await ask('eth_getLogs', [{ address: addresses, ...first, ...where }], (result) =>
          within(filter, logsOf(result)),
        )
      },
      // EIP-1898: the block by its hash, so that nobody answers of another one.
      call: ({ to, data }, block) => ask('eth_call', [{ to, data }, { blockHash: block }], hexOf),
      receipts: async (block) => {
        try {
          return await ask('eth_getBlockReceipts', [block], rawReceiptsOf)
        } catch (error) {
          if (!(error instanceof ChainError) || error.code !== 'CHAIN_RPC_ERROR') throw error
        }
        return await oneByOne(block)
      },
    }

    async function oneByOne(block: Hex): Promise<readonly WitnessedReceipt[]> {
      const hashes = await ask('eth_getBlockByHash', [block, false], transactionHashesOf)
      const receipts: WitnessedReceipt[] = []
      for (let at = 0; at < hashes.length; at += AT_ONCE) {
        const some = hashes.slice(at, at + AT_ONCE)
        receipts.push(
          ...(await Promise.all(some.map((hash) => ask('eth_getTransactionReceipt', [hash], rawReceiptOf)))),
        )
      }
      return receipts
    }
  })
}

/** What was not asked for, a log told twice, or logs out of order are no answer: throws. */
function within({ addresses, topics, at }: WitnessFilter, logs: readonly ChainLog[]): readonly ChainLog[] {
  const asked = new Set(addresses.map((address) => address.toLowerCase()))
  const sorted = logs.toSorted((a, b) =>
    a.blockNumber === b.blockNumber ? a.logIndex - b.logIndex : a.blockNumber < b.blockNumber ? -1 : 1,
  )
  for (const [index, log] of sorted.entries()) {
    const before = sorted[index - 1]
    const [first] = log.topics
    const fits = topics.length === 0 || (first !== undefined && topics.includes(first))
    if (!asked.has(log.address.toLowerCase()) || !fits)
      throw new TypeError('Not of the asked contracts and events')
    if ('hash' in at ? log.blockHash !== at.hash : log.blockNumber < at.from || log.blockNumber > at.to)
      throw new TypeError('Not of the asked blocks')
    if (before?.blockNumber === log.blockNumber && before.logIndex === log.logIndex)
      throw new TypeError('The same log twice')
  }
  return sorted
}
