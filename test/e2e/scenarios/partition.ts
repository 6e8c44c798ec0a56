import { beforeAll, expect, it } from 'vitest'
import { aggregatorV3, clientOf, feedOf, latestRound, moreRounds } from '../kit/chain.ts'
import type { Fleet } from '../kit/fleet.ts'
import { get, isReady, request } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { until } from '../kit/until.ts'
import { PRICE } from '../kit/validator.ts'

/** So long no round may come; at other times the busy market has one every few seconds. */
const STILL_MS = 12_000
/** So long a healed network may take to the next round: reconnection is within 5 s, an epoch change some more. */
const HEAL_MS = 60_000

/** Neither half has a quorum of floor((n + f) / 2) + 1. */
export function partition(net: Network, fleet: Fleet): void {
  const halves = () => [fleet.indices.filter((index) => !fleet.half.includes(index)), fleet.half]

  beforeAll(async () => {
    const rest = fleet.half.filter((index) => !fleet.wires.reach(index))
    await fleet.kill(rest)
    await fleet.start(Object.fromEntries(rest.map((index) => [index, 'honest' as const])))
  }, 150_000)

  it('two halves make no progress', async () => {
    await moreRounds(net, PRICE, 1)
    const { chainId } = feedOf(net, PRICE)
    fleet.wires.cut()
    for (const half of halves())
      for (const index of half)
        await until(`validator ${index} sees its half alone`, async () => same(await reached(index), half), {
          withinMs: 15_000,
        })
    const cut = await clientOf(net, chainId).getBlock()
    const { roundId } = await latestRound(net, PRICE)
    const committed = await seqNrs()

    const end = performance.now() + STILL_MS
    await until('the time is over', () => performance.now() > end, {
      withinMs: STILL_MS + 1_000,
      everyMs: 1_000,
    })

    // One that was agreed on before may still have been on its way to the chain.
    const late = (await roundsAfter(roundId)).filter(({ startedAt }) => startedAt > cut.timestamp)
    expect(late).toEqual([])
    const head = await clientOf(net, chainId).getBlock()
    expect(head.timestamp).toBeGreaterThan(cut.timestamp + BigInt(STILL_MS / 2_000))
    // The votes on one more sequence number may have been complete at somebody when the wires were cut.
    const highest = Math.max(...committed)
    for (const seqNr of await seqNrs()) expect(seqNr).toBeLessThanOrEqual(highest + 1)
  })

  it('and each of their validators says why', async () => {
    for (const half of halves())
      for (const index of half) {
        const { status, text } = await request(`${fleet.api(index)}/ready`)
        expect(status).toBe(503)
        const { checks } = JSON.parse(text) as { checks: { name: string; ok: boolean; detail: string }[] }
        const detail = expect.stringContaining(`${half.length} of ${fleet.indices.length} validators`)
        expect(checks).toContainEqual({ name: 'peers', ok: false, detail })
      }
  })

  it('healed, they go on together', async () => {
    const { chainId } = feedOf(net, PRICE)
    const healed = await clientOf(net, chainId).getBlock()
    fleet.wires.heal()
    await until(
      'a round that was observed after the healing',
      async () => (await latestRound(net, PRICE)).startedAt > healed.timestamp,
      { withinMs: HEAL_MS, everyMs: 300 },
    )
    const target = Math.max(...(await seqNrs()))
    for (const index of fleet.indices)
      await until(
        `validator ${index} is ready and has caught up`,
        async () => (await isReady(fleet.api(index))) && (await seqNr(index)) >= target,
        { withinMs: 30_000 },
      )
  })

  const seqNr = async (index: number) => Number((await fleet.duty(index)).seqNr)
  const seqNrs = () =>
    until('every validator answers', () => Promise.all(fleet.indices.map(seqNr)), { withinMs: 30_000 })

  /** Itself included. */
  async function reached(index: number): Promise<number[]> {
    const { validators } = await get<{ validators: { index: number; connected: boolean }[] }>(
      `${fleet.api(index)}/v1/node`,
    )
    return validators.flatMap((each) => (each.connected ? [each.index] : []))
  }

  async function roundsAfter(roundId: bigint): Promise<{ roundId: bigint; startedAt: bigint }[]> {
    const { chainId, address } = feedOf(net, PRICE)
    const { roundId: newest } = await latestRound(net, PRICE)
    const numbers = Array.from({ length: Number(newest - roundId) }, (_, at) => roundId + 1n + BigInt(at))
    return Promise.all(
      numbers.map(async (number) => {
        const [id, , startedAt] = await clientOf(net, chainId).readContract({
          address,
          abi: aggregatorV3,
          functionName: 'getRoundData',
          args: [number],
        })
        return { roundId: id, startedAt }
      }),
    )
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((index) => b.includes(index))
}
