import { type Address, parseEther, parseEventLogs } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { constantProductPoolAbi } from '../../contracts/abi/ConstantProductPool.ts'
import { poolTraderAbi } from '../../contracts/abi/PoolTrader.ts'
import { testTokenAbi } from '../../contracts/abi/TestToken.ts'
import { deploy, mined, type Network, openNetwork, sender } from './network.ts'

let network: Network
let pool: Address

beforeAll(async () => {
  network = await openNetwork()
  const account = sender(network, 0)
  const tokens = [
    await deploy(network, 'TestToken', ['Test Ether', 'TETH', 18]),
    await deploy(network, 'TestToken', ['Test Dollar', 'TUSD', 18]),
  ] as const
  pool = await deploy(network, 'ConstantProductPool', tokens)
  for (const address of tokens) {
    const args = [pool, parseEther('1000')] as const
    const hash = await network.wallet.writeContract({
      address,
      abi: testTokenAbi,
      functionName: 'mint',
      args,
      account,
    })
    await mined(network, hash)
  }
  const hash = await network.wallet.writeContract({
    address: pool,
    abi: constantProductPoolAbi,
    functionName: 'mint',
    args: [account],
    account,
  })
  await mined(network, hash)
})

afterAll(() => network.close())

it('a trade is one transaction, with the events of a Uniswap V2 pair', async () => {
  const trader = await deploy(network, 'PoolTrader')
  const account = sender(network, 2)
  const amountIn = parseEther('10')
  const hash = await network.wallet.writeContract({
    address: trader,
    abi: poolTraderAbi,
    functionName: 'trade',
    args: [pool, true, amountIn],
    account,
  })
  const { logs } = await mined(network, hash)
  const [swap] = parseEventLogs({ abi: constantProductPoolAbi, logs, eventName: 'Swap' })
  const [sync] = parseEventLogs({ abi: constantProductPoolAbi, logs, eventName: 'Sync' })
  const out = (amountIn * 997n * parseEther('1000')) / (parseEther('1000') * 1000n + amountIn * 997n)
  expect(swap?.args).toEqual({
    sender: trader,
    to: account,
    amount0In: amountIn,
    amount1In: 0n,
    amount0Out: 0n,
    amount1Out: out,
  })
  expect(sync?.args).toEqual({ reserve0: parseEther('1010'), reserve1: parseEther('1000') - out })
  // Topics of Uniswap V2: what filters for them finds these events.
  expect(swap?.topics[0]).toBe('0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822')
  expect(sync?.topics[0]).toBe('0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1')
})
