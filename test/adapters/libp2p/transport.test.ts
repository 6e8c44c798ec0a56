import { createServer } from 'node:net'
import type { Libp2p, Stream } from '@libp2p/interface'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { NetworkError } from '../../../node/adapters/libp2p/errors.ts'
import { channelBytes, encodeFrame } from '../../../node/adapters/libp2p/frame.ts'
import type { MessageClass, PeerChannel } from '../../../node/ports/network.ts'
import { messageClass } from '../../fakes/message-class.ts'
import {
  addressOf,
  bytesOf,
  keyOfSeed,
  peerIdOf,
  portOf,
  seedOf,
  type TestNode,
  testNode,
  textOf,
  until,
} from './kit.ts'
import { rawPeer, rawStream } from './raw-peer.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const CHANNEL = 'digest'
const name = channelBytes(CHANNEL) ?? new Uint8Array(0)
const started: { stop(): unknown }[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()))
})

async function node(n: number, options: Parameters<typeof testNode>[1] = {}): Promise<TestNode> {
  const made = testNode(seedOf(n), options)
  started.push(made.transport)
  await made.transport.start()
  return made
}

async function raw(n: number, onStream?: (stream: Stream) => void): Promise<Libp2p> {
  const peer = await rawPeer(seedOf(n), onStream)
  started.push(peer)
  return peer
}

async function open(
  of: TestNode,
  self: number,
  count: number,
  classes: readonly MessageClass[] = [messageClass()],
  name = CHANNEL,
): Promise<{ channel: PeerChannel; inbox: string[] }> {
  const inbox: string[] = []
  const channel = await of.transport.open({
    channel: name,
    peers: Array.from({ length: count }, (_, n) => keyOfSeed(seedOf(n))),
    self,
    classes,
    onMessage: (_from, bytes) => inbox.push(textOf(bytes)),
  })
  return { channel, inbox }
}

describe('libp2pTransport', () => {
  it('derives the peer id from the seed before it starts', () => {
    const { transport } = testNode(seedOf(0))
    expect(transport.peerId).toBe(peerIdOf(seedOf(0)))
    expect(transport.peerId).toMatch(/^12D3KooW/)
    expect(transport.multiaddrs()).toEqual([])
    expect(transport.health().status).toBe('failed')
  })

  it.each([
    ['a seed of the wrong size', { privateKeySeed: new Uint8Array(31) }, 'NET_BAD_KEY'],
    ['a listen address that is none', { listen: ['localhost:9000'] }, 'NET_BAD_ADDRESS'],
    ['a peer without its id', { peers: ['/ip4/127.0.0.1/tcp/9000'] }, 'NET_BAD_ADDRESS'],
    [
      'a peer without a TCP port',
      { peers: [`/ip4/127.0.0.1/p2p/${peerIdOf(seedOf(1))}`] },
      'NET_BAD_ADDRESS',
    ],
  ])('refuses %s', async (_what, bad, code) => {
    const { libp2pTransport } = await import('../../../node/adapters/libp2p/transport.ts')
    const { silent, TestMetrics } = await import('./kit.ts')
    const options = { listen: ['/ip4/127.0.0.1/tcp/0'], peers: [], privateKeySeed: seedOf(0), ...bad }
    const make = () =>
      libp2pTransport(options, { clock: systemClock, log: silent, metrics: new TestMetrics() })
    expect(make).toThrow(expect.objectContaining({ code }))
  })

  it('names the address when its port is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { transport } = testNode(seedOf(0), { port })
    const error = await transport.start().catch((reason: unknown) => reason)
    await new Promise((resolve) => server.close(resolve))
    expect(error).toBeInstanceOf(NetworkError)
    expect(error).toMatchObject({
      code: 'NET_LISTEN_FAILED',
      data: { address: `/ip4/127.0.0.1/tcp/${port}` },
    })
  })

  it('delivers what was sent before the peer was up, in order', async () => {
    const seed = testNode(seedOf(1), { peers: [] })
    await seed.transport.start()
    const port = portOf(seed.transport)
    await seed.transport.stop()

    const a = await node(0, { peers: [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdOf(seedOf(1))}`] })
    const { channel } = await open(a, 0, 2)
    for (const text of ['one', 'two', 'three']) channel.send(1, bytesOf(text))
    expect(channel.connected()).toEqual([])
    const b = await node(1, { port })
    const { inbox } = await open(b, 1, 2)
    await until('the three have arrived', () => inbox.length === 3)
    expect(inbox).toEqual(['one', 'two', 'three'])
  })

  it('reconnects seconds after a peer restarts, and tells the loss meanwhile', async () => {
    const a = await node(0)
    const b = await node(1, { peers: [addressOf(a.transport)] })
    // Only A knows where B will be after the restart.
    const c = await node(2, { peers: [addressOf(b.transport)] })
    const atC = await open(c, 2, 3)
    await open(b, 1, 3)
    await until('c and b are connected', () => atC.channel.connected().includes(1))
    const port = portOf(b.transport)
    await b.transport.stop()
    await until('c knows that b is gone', () => !atC.channel.connected().includes(1))
    expect(c.transport.health().status).not.toBe('ok')

    const again = await node(1, { port })
    const { inbox } = await open(again, 1, 3)
    const start = performance.now()
    await until('c has reconnected', () => atC.channel.connected().includes(1))
    expect(performance.now() - start).toBeLessThan(4_000)
    atC.channel.send(1, bytesOf('back'))
    await until('the message has arrived', () => inbox.includes('back'))
  })

  it('refuses a stranger before any protocol data', async () => {
    const a = await node(0)
    await open(a, 0, 2)
    const stranger = await raw(9)
    await expect(rawStream(stranger, addressOf(a.transport))).rejects.toThrow()
    await until('it is counted', () => a.metrics.sum('iyi_net_refused_total', { reason: 'stranger' }) > 0)
    expect(a.transport.peers().map((peer) => peer.peerId)).toEqual([peerIdOf(seedOf(1))])
    expect(a.metrics.sum('iyi_net_received_bytes_total')).toBe(0)
  })

  it('refuses a member again once its last channel is closed', async () => {
    const a = await node(0)
    const { channel } = await open(a, 0, 2)
    const member = await raw(1)
    await rawStream(member, addressOf(a.transport))
    await channel.close()
    await until('it was disconnected', () => member.getConnections().length === 0)
    await expect(rawStream(member, addressOf(a.transport))).rejects.toThrow()
  })

  it.each([
    ['an oversized frame', () => encodeFrame('data', name, new Uint8Array(1_025)), 'oversized'],
    ['garbage', () => bytesOf('GET / HTTP/1.1\r\nHost: quorum\r\n\r\n'), 'oversized'],
    ['a frame with an unknown kind', () => Uint8Array.from([0, 0, 0, 3, 9, 1, 97]), 'malformed'],
  ])('closes the connection on %s and shuts the peer out for a while', async (_what, bytes, reason) => {
    const a = await node(0)
    const { inbox } = await open(a, 0, 3)
    const hostile = await raw(1)
    const stream = await rawStream(hostile, addressOf(a.transport))
    stream.send(encodeFrame('data', name, bytesOf('fine')))
    stream.send(bytes())
    await until('it is cut off', () => hostile.getConnections().length === 0)
    expect(inbox).toEqual(['fine'])
    expect(a.metrics.sum('iyi_net_violations_total', { peer: peerIdOf(seedOf(1)), reason })).toBe(1)
    await expect(rawStream(hostile, addressOf(a.transport))).rejects.toThrow()
    expect(a.metrics.sum('iyi_net_refused_total', { reason: 'cool_down' })).toBeGreaterThan(0)

    const honest = await node(2, { peers: [addressOf(a.transport)] })
    const other = await open(honest, 2, 3)
    await until('others still connect', () => other.channel.connected().includes(0))
  })

  it('closes the connection of a peer that sends an oversized message of a class, before its body', async () => {
    const a = await node(0)
    const classes = [
      messageClass({ name: 'wish', header: [1, 1], maxBytes: 6 }),
      messageClass({ name: 'proposal', header: [1, 7], maxBytes: 1024 * 1024 }),
    ]
    await open(a, 0, 2, classes)
    const hostile = await raw(1)
    const stream = await rawStream(hostile, addressOf(a.transport))
    const frame = (kind: number) =>
      encodeFrame('data', name, Uint8Array.of(1, kind, ...new Uint8Array(100_000)))
    const head = 6 + name.length + 2
    stream.send(frame(7))
    stream.send(frame(1).subarray(0, head - 1))
    await until('the good one has arrived', () => a.metrics.sum('iyi_net_frames_received_total') === 1)
    expect(a.metrics.sum('iyi_net_violations_total')).toBe(0)
    stream.send(frame(1).subarray(head - 1, head))
    await until('it is cut off', () => hostile.getConnections().length === 0)
    expect(a.metrics.sum('iyi_net_violations_total', { reason: 'oversized' })).toBe(1)
  })

  describe('with a quota', () => {
    const classes = [
      messageClass({ name: 'vote', header: [1], ratePerSecond: 0.001, burst: 10 }),
      messageClass({ name: 'bulk', header: [2] }),
    ]
    const vote = encodeFrame('data', name, Uint8Array.of(1, 65))
    const bulk = encodeFrame('data', name, Uint8Array.of(2, 66))
    const repeat = (frame: Uint8Array, count: number) => Buffer.concat(new Array(count).fill(frame))

    it('drops and counts what is above, on whatever stream it comes', async () => {
      const a = await node(0)
      const { inbox } = await open(a, 0, 2, classes)
      const member = await raw(1)
      const first = await rawStream(member, addressOf(a.transport))
      first.send(repeat(vote, 15))
      first.send(bulk)
      await until('the last of the first stream has arrived', () => inbox.length === 11)
      const second = await rawStream(member, addressOf(a.transport))
      second.send(repeat(vote, 5))
      second.send(bulk)
      await until('the last of the second has arrived', () => inbox.length === 12)
      const peer = peerIdOf(seedOf(1))
      expect(a.metrics.sum('iyi_net_frames_over_quota_total', { peer, class: 'vote' })).toBe(10)
      expect(a.metrics.sum('iyi_net_violations_total')).toBe(0)
    })

    it('shuts out a peer that goes on, and serves the others', async () => {
      const a = await node(0)
      const b = await node(2, { peers: [addressOf(a.transport)] })
      const { inbox } = await open(a, 0, 3, classes)
      const { channel } = await open(b, 2, 3, classes)
      await until('the honest one is connected', () => channel.connected().includes(0))
      const hostile = await raw(1)
      const stream = await rawStream(hostile, addressOf(a.transport))
      stream.send(repeat(vote, 1_000))
      await until('it is cut off', () => hostile.getConnections().length === 0)
      const peer = peerIdOf(seedOf(1))
      expect(a.metrics.sum('iyi_net_violations_total', { peer, reason: 'flooding' })).toBe(1)
      expect(inbox).toHaveLength(10)
      await expect(rawStream(hostile, addressOf(a.transport))).rejects.toThrow()
      channel.send(0, Uint8Array.of(1, 67))
      await until('the vote of the other has arrived', () => inbox.length === 11)
    })

    it('skips what is of no class, and goes on', async () => {
      const a = await node(0)
      const { inbox } = await open(a, 0, 2, classes)
      const member = await raw(1)
      const stream = await rawStream(member, addressOf(a.transport))
      stream.send(encodeFrame('data', name, Uint8Array.of(9, ...new Uint8Array(900))))
      stream.send(encodeFrame('data', name, new Uint8Array(0)))
      stream.send(vote)
      await until('the vote has arrived', () => inbox.length === 1)
      expect(a.metrics.sum('iyi_net_frames_over_quota_total', { class: 'unknown' })).toBe(2)
      expect(a.metrics.sum('iyi_net_violations_total')).toBe(0)
    })
  })

  it('shuts out a peer that opens streams without end', async () => {
    const a = await node(0)
    await open(a, 0, 2)
    const hostile = await raw(1)
    const address = addressOf(a.transport)
    const flood = async () => {
      for (let n = 0; n < 100; n++) (await rawStream(hostile, address)).abort(new Error('another'))
    }
    await expect(flood()).rejects.toThrow()
    await until(
      'it is counted',
      () => a.metrics.sum('iyi_net_violations_total', { reason: 'flooding' }) === 1,
    )
  })

  it('closes the link of a member that a new configuration leaves out, and refuses it from then on', async () => {
    const c = await node(2)
    const b = await node(1, { peers: [addressOf(c.transport)] })
    // The address of the one that leaves stays in the operator's list: the configuration decides.
    const a = await node(0, { peers: [addressOf(b.transport), addressOf(c.transport)] })
    const old = [await open(a, 0, 3), await open(b, 1, 3), await open(c, 2, 3)]
    await until('all are connected', () => old.every(({ channel }) => channel.connected().length === 2))
    const reconnects = a.metrics.sum('iyi_net_reconnects_total')

    const atA = await open(a, 0, 2, [messageClass()], 'new')
    const atB = await open(b, 1, 2, [messageClass()], 'new')
    await Promise.all([old[0]?.channel.close(), old[1]?.channel.close()])
    await until('the third is alone', () => old[2]?.channel.connected().length === 0)
    expect(a.transport.peers().map(({ peerId }) => peerId)).toEqual([b.transport.peerId])

    await c.transport.stop()
    const removed = await raw(2)
    const bytes = a.metrics.sum('iyi_net_received_bytes_total')
    await expect(rawStream(removed, addressOf(a.transport))).rejects.toThrow()
    expect(a.metrics.sum('iyi_net_refused_total', { reason: 'stranger' })).toBeGreaterThan(0)
    expect(a.metrics.sum('iyi_net_received_bytes_total')).toBe(bytes)

    await until('the two share the new channel', () => atA.channel.connected().includes(1))
    atA.channel.send(1, bytesOf('on'))
    await until('it has arrived', () => atB.inbox.length === 1)
    expect(a.metrics.sum('iyi_net_reconnects_total', { outcome: 'connected' })).toBe(reconnects)
  })

  it('closes the connection of a peer that announces endless channels', async () => {
    const a = await node(0)
    await open(a, 0, 2)
    const hostile = await raw(1)
    const stream = await rawStream(hostile, addressOf(a.transport))
    for (let n = 0; n < 300; n++) stream.send(encodeFrame('join', bytesOf(`channel ${n}`)))
    await until('it is cut off', () => hostile.getConnections().length === 0)
    expect(a.metrics.sum('iyi_net_violations_total', { reason: 'too_many_channels' })).toBe(1)
  })

  it('skips frames of a channel that is not open, whatever their size', async () => {
    const a = await node(0)
    const { inbox } = await open(a, 0, 2)
    const member = await raw(1)
    const stream = await rawStream(member, addressOf(a.transport))
    stream.send(encodeFrame('data', bytesOf('later'), new Uint8Array(100_000)))
    stream.send(encodeFrame('data', name, bytesOf('mine')))
    await until('the other has arrived', () => inbox.length === 1)
    expect(a.metrics.sum('iyi_net_frames_skipped_total')).toBe(1)
    expect(a.metrics.sum('iyi_net_violations_total')).toBe(0)
  })

  it('bounds what waits for a peer that does not read, and serves the others', async () => {
    const stuck = await raw(1, (stream) => stream.pause())
    const b = await node(2)
    const stuckAddress = stuck.getMultiaddrs()[0]?.toString() ?? ''
    const a = await node(0, {
      peers: [stuckAddress, addressOf(b.transport)],
      commonFrames: 1_000,
      commonBytes: 256 * 1024,
    })
    const classes = [
      messageClass({ name: 'vote', header: [1], maxBytes: 8, queueMessages: 64, queueBytes: 512 }),
      messageClass({
        name: 'bulk',
        header: [2],
        maxBytes: 64 * 1024,
        queueBytes: 64 * 1024,
        droppable: true,
      }),
    ]
    const { channel } = await open(a, 0, 3, classes)
    const { inbox } = await open(b, 2, 3, classes)
    // The stuck peer joins the channel, so that frames are sent to it, and then reads nothing.
    const joining = await rawStream(stuck, addressOf(a.transport))
    joining.send(encodeFrame('join', name))
    await until('both are connected', () => channel.connected().length === 2)

    const block = new Uint8Array(32 * 1024).fill(2)
    for (let n = 0; n < 400; n++) {
      channel.send(1, block)
      if (n % 8 === 0) channel.send(1, bytesOf('\u0001vote'))
      channel.send(2, bytesOf(`\u0001${n}`))
      if (n % 20 === 19) await new Promise((resolve) => setImmediate(resolve))
    }
    await until('the reader has all', () => inbox.length === 400)
    const peer = peerIdOf(seedOf(1))
    expect(inbox).toEqual(Array.from({ length: 400 }, (_, n) => `\u0001${n}`))
    const full = { peer, reason: 'queue_full' }
    expect(a.metrics.sum('iyi_net_frames_dropped_total', { ...full, class: 'bulk' })).toBeGreaterThan(300)
    expect(a.metrics.sum('iyi_net_frames_dropped_total', { ...full, class: 'vote' })).toBe(0)
    // The common room, a share of 64 KiB and one of votes.
    expect(a.metrics.sum('iyi_net_queue_bytes', { peer })).toBeLessThanOrEqual((256 + 64 + 32) * 1024)
    expect(a.metrics.sum('iyi_net_sent_bytes_total', { peer })).toBeLessThan(2 * 1024 * 1024)
  })

  it('carries large messages faster than the stream window through backpressure, none lost', async () => {
    const a = await node(0)
    const b = await node(1, { peers: [addressOf(a.transport)] })
    const classes = [messageClass({ maxBytes: 1024 * 1024 })]
    const atA = await open(a, 0, 2, classes)
    const atB = await open(b, 1, 2, classes)
    await until('connected', () => atA.channel.connected().length === 1)
    const large = bytesOf('y'.repeat(700_000))
    for (let n = 0; n < 16; n++) atA.channel.send(1, large)
    await until('all have arrived', () => atB.inbox.length === 16)
    expect(atB.inbox.every((text) => text.length === 700_000)).toBe(true)
    expect(a.metrics.sum('iyi_net_frames_dropped_total')).toBe(0)
  })

  it('takes a long run of small messages in turns, in order, none lost', async () => {
    const a = await node(0, { commonFrames: 50_000 })
    const b = await node(1, { peers: [addressOf(a.transport)] })
    const atA = await open(a, 0, 2)
    const atB = await open(b, 1, 2)
    await until('connected', () => atA.channel.connected().length === 1)
    for (let n = 0; n < 20_000; n++) atA.channel.send(1, bytesOf(`${n} ${'x'.repeat(n % 300)}`))
    await until('all have arrived', () => atB.inbox.length === 20_000, 25_000)
    expect(atB.inbox.every((text, n) => text.startsWith(`${n} `))).toBe(true)
    expect(b.metrics.sum('iyi_net_violations_total')).toBe(0)
  })

  it('moves to the newer connection of a peer that lost the old one unseen', async () => {
    let ahead = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead }
    const a = await node(0, { clock })
    const { channel } = await open(a, 0, 2)
    const seen: string[] = []
    const run = async (tag: string): Promise<void> => {
      const peer = await raw(1, (stream) =>
        stream.addEventListener('message', (event) => seen.push(`${tag} ${textOf(event.data.subarray())}`)),
      )
      const stream = await rawStream(peer, addressOf(a.transport))
      stream.send(encodeFrame('join', name))
    }
    await run('first')
    await until('connected', () => channel.connected().length === 1)
    channel.send(1, bytesOf('one'))
    await until('it has arrived', () => seen.some((text) => text.startsWith('first') && text.endsWith('one')))
    // The first still stands: nothing told us that its machine lost power.
    ahead = 60_000
    await run('second')
    await until('connected again', () => channel.connected().length === 1)
    channel.send(1, bytesOf('two'))
    await until('it has arrived', () =>
      seen.some((text) => text.startsWith('second') && text.endsWith('two')),
    )
  })

  it('reaches a peer that dials in while its own dial hangs', async () => {
    // Takes connections and says nothing: a dial to it hangs until its deadline.
    let dialed = false
    const hole = createServer((socket) => {
      dialed = true
      socket.on('error', () => {}).resume()
    })
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
    const { port } = hole.address() as { port: number }
    const a = await node(0, { peers: [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdOf(seedOf(1))}`] })
    const { channel } = await open(a, 0, 2)
    await until('it dials', () => dialed)
    const start = performance.now()
    const b = await node(1, { peers: [addressOf(a.transport)] })
    await open(b, 1, 2)
    await until('connected', () => channel.connected().includes(1))
    expect(performance.now() - start).toBeLessThan(4_000)
    await a.transport.stop()
    await new Promise((resolve) => hole.close(resolve))
  })

  it('survives a message handler that throws', async () => {
    const a = await node(0)
    const b = await node(1, { peers: [addressOf(a.transport)] })
    let calls = 0
    await a.transport.open({
      channel: CHANNEL,
      peers: [seedOf(0), seedOf(1)].map(keyOfSeed),
      self: 0,
      classes: [messageClass()],
      onMessage: () => {
        calls += 1
        throw new Error('handler')
      },
    })
    const { channel } = await open(b, 1, 2)
    await until('connected', () => channel.connected().length === 1)
    channel.send(0, bytesOf('a'))
    channel.send(0, bytesOf('b'))
    await until('both were tried', () => calls === 2)
  })

  it('tells the operator who is connected and which way', async () => {
    const a = await node(0)
    const b = await node(1, { peers: [addressOf(a.transport)] })
    await open(a, 0, 2)
    await open(b, 1, 2)
    await until('healthy', () => a.transport.health().status === 'ok' && b.transport.health().status === 'ok')
    expect(b.transport.peers()).toEqual([
      {
        peerId: a.transport.peerId,
        addresses: [addressOf(a.transport)],
        connected: true,
        direction: 'outbound',
      },
    ])
    expect(a.transport.peers()[0]).toMatchObject({ addresses: [], connected: true, direction: 'inbound' })
  })

  it('leaves no socket and no timer when it stops', async () => {
    const resources = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name) && name !== 'TTYWrap')
    const before = resources().length
    const a = await node(0, { peers: [`/ip4/127.0.0.1/tcp/1/p2p/${peerIdOf(seedOf(2))}`] })
    const b = await node(1, { peers: [addressOf(a.transport)] })
    const { channel } = await open(a, 0, 3)
    await open(b, 1, 3)
    await until('connected', () => channel.connected().includes(1))
    await Promise.all([a.transport.stop(), b.transport.stop()])
    await a.transport.stop()
    expect(channel.connected()).toEqual([])
    channel.send(1, bytesOf('late'))
    await expect(open(a, 0, 3)).rejects.toMatchObject({ code: 'NET_STOPPED' })
    await until('all is released', () => resources().length <= before)
  })
})
