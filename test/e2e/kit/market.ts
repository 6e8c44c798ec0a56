import { encodeFunctionData, parseAbi } from 'viem'
import { clientOf, rpc } from './chain.ts'
import type { Network } from './network.ts'

const abi = parseAbi([
  'function trade(address pool, bool zeroForOne, uint256 amountIn)',
  'function getReserves() view returns (uint112 reserve0, uint112 reserve1, uint32 timestamp)',
])
const EVERY_MS = 2_000

/**
 * Somebody who trades big, to and fro, on the first chain, so that the price feed has something to report every few
 * seconds and no test waits for the simulated market to move. Returns what ends it.
 */
export function busyMarket(net: Network): () => void {
  let zeroForOne = false
  const trade = async () => {
    const [chain] = net.description.chains
    const contracts = net.description.contracts[chain?.id ?? 0]
    if (chain === undefined || contracts?.Pool === undefined || contracts.PoolTrader === undefined) return
    const [account] = (await rpc(chain.rpc, 'eth_accounts', [])) as string[]
    const [reserve0, reserve1] = await clientOf(net, chain.id).readContract({
      address: contracts.Pool,
      abi,
      functionName: 'getReserves',
    })
    zeroForOne = !zeroForOne
    const amountIn = (zeroForOne ? reserve0 : reserve1) / 150n
    const data = encodeFunctionData({
      abi,
      functionName: 'trade',
      args: [contracts.Pool, zeroForOne, amountIn],
    })
    await rpc(chain.rpc, 'eth_sendTransaction', [
      { from: account, to: contracts.PoolTrader, gas: '0x7a120', data },
    ])
  }
  const timer = setInterval(() => void trade().catch(() => {}), EVERY_MS)
  return () => clearInterval(timer)
}
