import { expect, it } from 'vitest'
import { feed } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { openStream } from '../kit/sse.ts'
import { PRICE, VOLATILITY } from '../kit/validator.ts'

/** `GET /v1/stream`, as a browser's EventSource uses it. */
export function streamDelivers(net: Network): void {
  it('delivers blocks and rounds with rising ids, and resumes where a client left', async () => {
    const api = net.description.api[2] ?? ''
    const url = `${api}/v1/stream`
    const first = await openStream(url)
    const seen = await first.read((events) =>
      ['block', 'feed.round'].every((type) => events.some((event) => event.type === type)),
    )
    await first.close()

    const ids = seen.map(({ id }) => Number(id))
    expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at))
    const block = seen.find(({ type }) => type === 'block')?.data
    expect(block).toMatchObject({
      chainId: expect.any(Number),
      head: expect.stringMatching(/^\d+$/),
      hash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    })
    const told = seen.find(({ type }) => type === 'feed.round')?.data as {
      feed: string
      round: string
    }
    expect([PRICE, VOLATILITY]).toContain(told.feed)
    expect(BigInt((await feed(api, told.feed)).latest?.round ?? 0)).toBeGreaterThanOrEqual(BigInt(told.round))

    // Away for a while, and back from the first event that was seen: nothing is lost and nothing comes twice.
    const resumed = await openStream(url, { 'last-event-id': String(ids[0]) })
    const again = await resumed.read((events) => events.length > seen.length)
    await resumed.close()
    expect(again.slice(0, seen.length - 1)).toEqual(seen.slice(1))
    expect(again.map(({ id }) => Number(id))).toEqual(again.map((_, at) => (ids[0] ?? 0) + 1 + at))
  })

  it('filters by type, and says when it can not resume exactly', async () => {
    const url = `${net.description.api[2]}/v1/stream?types=block`
    const stream = await openStream(url, { 'last-event-id': '7' })
    const events = await stream.read((got) => got.length > 4)
    await stream.close()
    expect(events[0]?.type).toBe('stream.gap')
    expect(new Set(events.slice(1).map(({ type }) => type))).toEqual(new Set(['block']))
  })
}
