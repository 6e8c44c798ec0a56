import { join } from 'node:path'
import { parseAbi } from 'viem'
import { expect, it } from 'vitest'
import { clientOf, rpc } from '../kit/chain.ts'
import { get } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { type Program, projectRoot } from '../kit/program.ts'
import { until } from '../kit/until.ts'
import { ready, startNode, variant } from '../kit/validator.ts'

const swapEvent = parseAbi([
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)',
])

/** Swaps of both pools: the plugin follows them as soon as they are seen. */
async function swapsOf(net: Network): Promise<number> {
  const counts = await Promise.all(
    net.description.chains.map(async ({ id }) => {
      const client = clientOf(net, id)
      const toBlock = await client.getBlockNumber({ cacheTime: 0 })
      const address = net.description.contracts[id]?.Pool
      if (address === undefined) throw new Error(`no pool on chain ${id}`)
      const logs = await client.getContractEvents({ address, abi: swapEvent, fromBlock: 0n, toBlock })
      return logs.length
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Runs `look` while no chain makes a block. */
async function whileStill(net: Network, look: () => Promise<void>): Promise<void> {
  const setInterval = (seconds: number) =>
    Promise.all(net.description.chains.map((chain) => rpc(chain.rpc, 'evm_setIntervalMining', [seconds])))
  await setInterval(0)
  try {
    await look()
  } finally {
    await setInterval(1)
  }
}

/** The example of docs/plugins.md, by path, in a node beside the oracle. */
export function examplePlugin(net: Network, holder: { node: Program }): void {
  const api = () => net.description.api[3] ?? ''
  const served = async () => (await get<{ swaps: number }>(`${api()}/v1/hello/swaps`)).swaps

  async function countsEverySwap(): Promise<void> {
    await whileStill(net, async () => {
      const expected = await swapsOf(net)
      let seen = -1
      await until(
        `${expected} swaps are counted`,
        async () => {
          seen = await served()
          return seen >= expected
        },
        { withinMs: 20_000, saw: () => seen },
      )
      expect(seen).toBe(expected)
      expect(await swapsOf(net)).toBe(expected)
    })
  }

  it('a plugin loaded by path counts every swap since the first', async () => {
    holder.node.signal('SIGTERM')
    await holder.node.ended(15_000)
    const config = variant(net, 3, 'hello', ({ plugins }) => {
      plugins.push({
        use: join(projectRoot, 'docs', 'examples', 'hello-plugin'),
        grants: ['events', 'store', 'http.routes'],
        config: { greeting: 'moin' },
      })
    })
    holder.node = startNode(net, config)
    await ready(holder.node, api())
    expect(await get(`${api()}/v1/hello/swaps`)).toMatchObject({ greeting: 'moin' })
    await countsEverySwap()
  })

  it('and misses none, nor counts one twice, over a kill -9', async () => {
    const before = await served()
    await holder.node.destroy()
    holder.node = startNode(net, join(net.dir, 'validator-3', 'hello.yaml'))
    await ready(holder.node, api())
    expect(await served()).toBeGreaterThanOrEqual(before)
    await countsEverySwap()
  })
}
