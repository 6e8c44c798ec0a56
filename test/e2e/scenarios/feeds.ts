import { parseAbi } from 'viem'
import { expect, it } from 'vitest'
import { aggregatorV3, clientOf, feedOf, latestRound, moreRounds } from '../kit/chain.ts'
import { feed, get, type RoundView, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { until } from '../kit/until.ts'
import { PRICE, VOLATILITY } from '../kit/validator.ts'

const ocr2 = parseAbi([
  'function latestConfigDetails() view returns (uint32 configCount, uint32 blockNumber, bytes32 configDigest)',
])

/** What a contract that reads a feed sees, and that every node says the same. */
export function feedsAdvance(net: Network): void {
  it.concurrent.each([PRICE, VOLATILITY])(
    '%s advances on-chain, and all validators serve just that',
    async (id) => {
      const { chainId, address, decimals } = feedOf(net, id)
      const client = clientOf(net, chainId)
      const contract = { address, abi: aggregatorV3 } as const
      expect(await client.readContract({ ...contract, functionName: 'decimals' })).toBe(decimals)
      expect(await client.readContract({ ...contract, functionName: 'version' })).toBe(1n)
      expect(await client.readContract({ ...contract, functionName: 'description' })).toContain('IYI / USD')

      const round = await moreRounds(net, id, 1)
      const { answer, updatedAt } = await latestRound(net, id)
      expect(answer).toBeGreaterThan(0n)
      expect(Math.abs(Number(updatedAt) - Date.now() / 1000)).toBeLessThan(60)

      for (const api of net.description.api) {
        let served: RoundView[] = []
        await until(
          `${api} serves round ${round}`,
          async () => {
            served = await rounds(api, id)
            return served.some((entry) => BigInt(entry.round) === round)
          },
          { withinMs: 15_000, saw: () => served[0]?.round },
        )
        const { latest, duty } = await feed(api, id)
        expect(duty.state).toBe('running')
        expect(duty).toMatchObject({ validators: 4, f: 1 })
        // Every round that this node serves is the contract's, field by field.
        for (const entry of [...served.slice(0, 5), ...(latest === null ? [] : [latest])]) {
          const [, value, startedAt, at, answeredIn] = await client.readContract({
            ...contract,
            functionName: 'getRoundData',
            args: [BigInt(entry.round)],
          })
          expect(entry).toMatchObject({
            answer: value.toString(),
            observationsTimestamp: Number(startedAt),
            updatedAt: Number(at),
            round: answeredIn.toString(),
          })
        }
      }
    },
  )

  it('binds the volatility to the model that runs, that is registered and active', async () => {
    const registry = net.description.contracts[31_337]?.ModelRegistry
    if (registry === undefined) throw new Error('no registry')
    const [latest] = await rounds(net.description.api[0] ?? '', VOLATILITY, 1)
    for (const api of net.description.api) {
      const { data } = await get<{
        data: { id: string; digest: `0x${string}`; status: string; registered: object }[]
      }>(`${api}/v1/models`)
      for (const model of data) expect(model).toMatchObject({ status: 'ok', registered: { active: true } })
      expect(data.find(({ id }) => id === 'volatility')?.digest).toBe(latest?.modelDigest)
    }
    const isActive = await clientOf(net, 31_337).readContract({
      address: registry,
      abi: parseAbi(['function isActive(bytes32 manifestDigest) view returns (bool)']),
      functionName: 'isActive',
      args: [latest?.modelDigest ?? '0x'],
    })
    expect(isActive).toBe(true)
  })
  it('gives every report of the price to its mirror on the other chain, signed for that one', async () => {
    const mirror = net.description.contracts[31_338]?.IyiUsdPriceFeed
    const home = feedOf(net, PRICE)
    if (mirror === undefined) throw new Error('no mirror')
    const there = { address: mirror, abi: [...aggregatorV3, ...ocr2] } as const
    const client = clientOf(net, 31_338)
    const digests = await Promise.all(
      [
        { client: clientOf(net, home.chainId), address: home.address },
        { client, address: mirror },
      ].map(
        async (each) =>
          (await each.client.readContract({ ...there, ...each, functionName: 'latestConfigDetails' }))[2],
      ),
    )
    expect(digests[0]).not.toBe(digests[1])
    const newest = () => client.readContract({ ...there, functionName: 'latestRoundData' }).catch(() => null)
    // The same observation stands on the home chain, under a round of its own; the two are transmitted apart.
    const found = await until(
      'a round of the mirror is one of the feed',
      async () => {
        const latest = await newest()
        if (latest === null || latest[0] < 2n) return null
        const served = await rounds(net.description.api[0] ?? '', PRICE, 20)
        const same = served.find((entry) => BigInt(entry.observationsTimestamp) === latest[2])
        return same === undefined ? null : { mirror: latest[1].toString(), home: same.answer }
      },
      { withinMs: 60_000 },
    )
    expect(found.mirror).toBe(found.home)
    expect((await feed(net.description.api[0] ?? '', PRICE)).mirrors).toEqual([
      { chainId: 31_338, address: mirror },
    ])
  })
}
