// The baseline: what somebody writes who follows Ponder's own guide, with its default settings.
import { createConfig, factory } from 'ponder'
import { parseAbiItem } from 'viem'
import { testTokenAbi } from '../../../../contracts/abi/TestToken.ts'

const { BENCH_TOKEN: token, BENCH_FACTORY: made } = process.env

export default createConfig({
  database: { kind: 'postgres', connectionString: process.env.DATABASE_URL ?? '' },
  chains: { anvil: { id: 31_337, rpc: process.env.BENCH_RPC_URL ?? '' } },
  contracts: {
    token: {
      abi: testTokenAbi.filter((entry) => entry.type === 'event' && entry.name === 'Transfer'),
      chain: 'anvil',
      address:
        made === undefined
          ? (token as `0x${string}`)
          : factory({
              address: made as `0x${string}`,
              event: parseAbiItem(
                'event PairCreated(address indexed token0, address indexed token1, address pool, uint256 count)',
              ),
              parameter: 'pool',
            }),
      startBlock: 0,
    },
  },
})
