import { numberToHex } from 'viem'
import type { RawLogs } from '../../ports/raw-logs.ts'
import { logsOf } from './decode.ts'
import { readLogs } from './logs.ts'
import type { ChainPools } from './pools.ts'

/** Reads logs from whichever provider serves, within the budgets that all share. */
export function rawLogs({ pools }: { readonly pools: Pick<ChainPools, 'pool'> }): RawLogs {
  return {
    async logs(chainId, { addresses, topics, fromBlock, toBlock }) {
      const pool = pools.pool(chainId)
      return await readLogs({ fromBlock, toBlock }, (from, to) => {
        const range = { fromBlock: numberToHex(from), toBlock: numberToHex(to) }
        return pool.request('eth_getLogs', [{ address: addresses, topics: [topics], ...range }], logsOf)
      })
    },
  }
}
