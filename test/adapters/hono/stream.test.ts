import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Gateway } from '../../../node/adapters/hono/gateway.ts'
import { listen, serve, until } from './fixture.ts'

/** Types of a plugin. */
const announce = (door: Gateway) => {
  const { event } = door.routes({ id: 'oracle', roots: ['/v1/feeds'] })
  event({ type: 'feed.round', summary: 'a round' })
  event({ type: 'feed.gone', summary: 'no more rounds' })
}

describe('GET /v1/stream', () => {
  it('sends events with rising ids to every client, filtered by type', async () => {
    const { door, url } = await serve(announce)
    const all = listen(`${url}/v1/stream`)
    const rounds = listen(`${url}/v1/stream?types=feed.round,feed.gone`)
    expect((await all.response).headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    await rounds.response
    door.publish({ type: 'block', data: { number: '1' } })
    door.publish({ type: 'feed.round', data: { seqNr: '7', text: 'line\nbreak' } })
    await until(() => all.events().length === 2 && rounds.events().length === 1)
    expect(all.events().map((event) => event.type)).toEqual(['block', 'feed.round'])
    const [first, second] = all.events().map((event) => Number(event.id))
    expect(second).toBe((first ?? 0) + 1)
    expect(rounds.events()[0]).toMatchObject({
      type: 'feed.round',
      data: { seqNr: '7', text: 'line\nbreak' },
    })
  })

  it('resumes after Last-Event-ID without loss or repetition', async () => {
    const { door, url } = await serve(announce)
    const first = listen(`${url}/v1/stream`)
    await first.response
    for (let i = 0; i < 3; i++) door.publish({ type: 'block', data: i })
    await until(() => first.events().length === 3)
    first.abort()
    door.publish({ type: 'block', data: 3 })
    door.publish({ type: 'feed.round', data: 4 })
    const id = first.events()[1]?.id ?? ''
    const again = listen(`${url}/v1/stream?types=block`, { 'last-event-id': id })
    await again.response
    door.publish({ type: 'block', data: 5 })
    await until(() => again.events().length === 3)
    expect(again.events().map((event) => event.data)).toEqual([2, 3, 5])
  })

  it('says so when what was missed is gone, or the id is of another run', async () => {
    const { door, url } = await serve(() => {}, { stream: { replayEvents: 4 } })
    const first = listen(`${url}/v1/stream`)
    await first.response
    for (let i = 0; i < 10; i++) door.publish({ type: 'block', data: i })
    await until(() => first.events().length === 10)
    for (const id of [first.events()[2]?.id ?? '', '5', '9007199254740990']) {
      const again = listen(`${url}/v1/stream`, { 'last-event-id': id })
      await until(() => again.events().length === 5)
      expect(again.events()[0]).toMatchObject({ type: 'stream.gap', data: { requested: id } })
      expect(
        again
          .events()
          .slice(1)
          .map((event) => event.data),
      ).toEqual([6, 7, 8, 9])
    }
    const exact = listen(`${url}/v1/stream`, { 'last-event-id': first.events()[5]?.id ?? '' })
    await until(() => exact.events().length === 4)
    expect(exact.events()[0]?.data).toBe(6)
  })

  it('keeps quiet connections alive', async () => {
    const { url, time } = await serve()
    const client = listen(`${url}/v1/stream`)
    await client.response
    for (let i = 1; i <= 2; i++) {
      time.fire(15_000)
      await until(() => client.frames.filter((frame) => frame === ': keep-alive').length === i)
    }
    client.abort()
    await until(() => {
      time.fire(15_000)
      return time.pending.size === 0
    })
  })

  it('bounds the number of streams, and gives places back', async () => {
    const { url } = await serve(() => {}, { stream: { maxStreams: 2 } })
    const clients = [listen(`${url}/v1/stream`), listen(`${url}/v1/stream`)]
    for (const client of clients) expect((await client.response).status).toBe(200)
    const third = await fetch(`${url}/v1/stream`)
    expect(third.status).toBe(503)
    expect(await third.json()).toMatchObject({ code: 'HTTP_TOO_MANY_STREAMS' })
    expect((await fetch(`${url}/v1/stream`, { method: 'HEAD' })).status).toBe(200)
    clients[0]?.abort()
    const deadline = performance.now() + 10_000
    let status = 503
    while (status === 503 && performance.now() < deadline) {
      // Each answer is waited for: one that comes after the test would be a rejection that nobody handles.
      const next = await listen(`${url}/v1/stream`).response
      status = next.status
    }
    expect(status).toBe(200)
  })

  it('cuts off a client that does not read, and serves the others on', async () => {
    const { door, url, metrics } = await serve(() => {}, { stream: { maxQueuedBytes: 100_000 } })
    const good = listen(`${url}/v1/stream`)
    await good.response
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    socket.write('GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await new Promise((resolve) => socket.once('readable', resolve))
    let sent = 0
    let dropped = false
    const deadline = performance.now() + 20_000
    while (!dropped && performance.now() < deadline) {
      door.publish({ type: 'block', data: 'x'.repeat(50_000) })
      sent += 1
      await until(() => good.events().length === sent)
      dropped = (await metrics.expose()).body.includes('iyi_http_streams_dropped_total 1')
    }
    expect(dropped).toBe(true)
    expect(good.ended()).toBe(false)
    expect((await metrics.expose()).body).toContain('iyi_http_streams 1')
  }, 30_000)

  it.each([
    ['?types=Feed!', {}],
    ['?types=', {}],
    ['?type=block', {}],
    ['', { 'last-event-id': 'abc' }],
  ])('refuses a bad filter or id: %s %o', async (query, headers) => {
    const { url } = await serve()
    const response = await fetch(`${url}/v1/stream${query}`, { headers: headers as Record<string, string> })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'HTTP_INVALID_REQUEST' })
  })

  it('names the types that there are when another is asked for, and describes them', async () => {
    const { url } = await serve(announce)
    const response = await fetch(`${url}/v1/stream?types=block,nope`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      errors: [
        { path: 'query.types', message: expect.stringContaining('block, alert, feed.round, feed.gone') },
      ],
    })
    const document = await (await fetch(`${url}/openapi.json`)).text()
    expect(document).toContain('`feed.round`: a round')
  })

  it('refuses events that can not be sent', async () => {
    const { door } = await serve()
    const code = (event: Parameters<typeof door.publish>[0]) => {
      try {
        door.publish(event)
      } catch (error) {
        return (error as { code: string }).code
      }
      return null
    }
    expect(code({ type: 'not.announced', data: 1 })).toBe('GATEWAY_BAD_EVENT')
    expect(code({ type: 'block', data: 'x'.repeat(70_000) })).toBe('GATEWAY_BAD_EVENT')
  })

  it.each(['a\nb', '', 'Feed', 'block', 'stream.gap'])('refuses the type %j', async (type) => {
    await serve((door) => {
      const { event } = door.routes({ id: 'oracle', roots: ['/v1/feeds'] })
      expect(() => event({ type, summary: '' })).toThrow(
        expect.objectContaining({ code: 'GATEWAY_BAD_EVENT' }),
      )
    })
  })

  it('ends streams on close without waiting for the deadline', async () => {
    const { door, url } = await serve()
    const clients = [listen(`${url}/v1/stream`), listen(`${url}/v1/stream`)]
    for (const client of clients) await client.response
    door.publish({ type: 'block', data: 'last' })
    await door.close(new AbortController().signal)
    for (const client of clients) {
      await client.done
      expect(client.events().map((event) => event.data)).toEqual(['last'])
    }
    door.publish({ type: 'block', data: 1 })
  })
})
