import {
  BaseError,
  BlockNotFoundError,
  ContractFunctionRevertedError,
  getAddress,
  RawContractError,
} from 'viem'
import type { BlockRef, BlockTag, ChainReader } from '../../node/ports/chain.ts'
import { IyiError } from '../../node/ports/errors.ts'
import type { Network } from './network.ts'

/** `ChainReader` of an in-process chain, with one confirmation. What no test asks for is left out. */
export function networkChain(network: Network): ChainReader {
  const client = network.public
  const block = async (_chainId: number, at: BlockTag): Promise<BlockRef | null> => {
    try {
      const found =
        at === 'latest'
          ? await client.getBlock()
          : await client.getBlock(typeof at === 'bigint' ? { blockNumber: at } : { blockHash: at })
      const { number, hash, parentHash, timestamp } = found
      return { number, hash, parentHash, timestamp: Number(timestamp) }
    } catch (error) {
      if (error instanceof BlockNotFoundError) return null
      throw error
    }
  }
  const head = async (chainId: number): Promise<BlockRef> => {
    const found = await block(chainId, 'latest')
    if (found === null) throw new IyiError('CHAIN_UNAVAILABLE', 'no block', { data: {}, retry: true })
    return found
  }
  return {
    chains: () => [{ id: network.chainId, name: 'hardhat', confirmations: 1 }],
    head,
    finalized: head,
    block,
    async call(_chainId, { to, data, at }) {
      try {
        const where = typeof at === 'bigint' ? { blockNumber: at } : {}
        return (await client.call({ to, data, ...where })).data ?? '0x'
      } catch (error) {
        const reverted =
          error instanceof BaseError &&
          error.walk((e) => e instanceof RawContractError || e instanceof ContractFunctionRevertedError)
        if (!reverted) throw error
        throw new IyiError('CHAIN_CALL_REVERTED', 'reverted', { data: {}, cause: error })
      }
    },
    async logs(_chainId, { address, topics, fromBlock, toBlock }) {
      const found = await client.getLogs({ address, fromBlock, toBlock })
      return found
        .filter((log) => topics?.every((topic, at) => topic === null || log.topics[at] === topic) ?? true)
        .map(({ blockNumber, blockHash, transactionHash, logIndex, ...log }) => ({
          address: getAddress(log.address),
          topics: log.topics,
          data: log.data,
          blockNumber,
          blockHash,
          transactionHash,
          logIndex,
        }))
    },
    async transaction(_chainId, hash) {
      const { from, to, input, blockNumber } = await client.getTransaction({ hash })
      return { hash, from, to, input, blockNumber }
    },
    receipt: async () => null,
    balance: (_chainId, address) => client.getBalance({ address }),
  }
}
