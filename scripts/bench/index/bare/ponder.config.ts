// The baseline: what somebody writes who follows Ponder's own guide, with its default settings.
import { createConfig } from 'ponder'
import { testTokenAbi } from '../../../../contracts/abi/TestToken.ts'

export default createConfig({
  database: { kind: 'postgres', connectionString: process.env.DATABASE_URL ?? '' },
  chains: { anvil: { id: 31_337, rpc: process.env.BENCH_RPC_URL ?? '' } },
  contracts: {
    token: {
      abi: testTokenAbi.filter((entry) => entry.type === 'event' && entry.name === 'Transfer'),
      chain: 'anvil',
      address: process.env.BENCH_TOKEN as `0x${string}`,
      startBlock: 0,
    },
  },
})
