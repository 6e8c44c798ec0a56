import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Libp2pTransport } from '../../node/adapters/libp2p/transport.ts'
import type { MessageClass, PeerChannel, PeerTransport } from '../../node/ports/network.ts'
import { addressOf, bytesOf, keyOfSeed, seedOf, testNode, textOf, until } from '../adapters/libp2p/kit.ts'
import { MemoryNetwork } from '../fakes/memory-transport.ts'
import { messageClass } from '../fakes/message-class.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

interface Net {
  readonly transports: readonly PeerTransport[]
  stop(): Promise<void>
}

async function memory(count: number): Promise<Net> {
  const network = new MemoryNetwork()
  const transports = Array.from({ length: count }, (_, n) => network.transport(keyOfSeed(seedOf(n))))
  return { transports, stop: async () => void (await Promise.all(transports.map((each) => each.stop()))) }
}

async function libp2p(count: number): Promise<Net> {
  const transports: Libp2pTransport[] = []
  const addresses: string[] = []
  for (let n = 0; n < count; n++) {
    const { transport } = testNode(seedOf(n), { peers: addresses })
    await transport.start()
    addresses.push(addressOf(transport))
    transports.push(transport)
  }
  return { transports, stop: async () => void (await Promise.all(transports.map((each) => each.stop()))) }
}

const keys = (count: number): Uint8Array[] => Array.from({ length: count }, (_, n) => keyOfSeed(seedOf(n)))

describe.each([
  ['in memory', memory],
  ['libp2p', libp2p],
])('PeerTransport %s', (_name, network) => {
  let net: Net | null = null
  afterEach(async () => {
    await net?.stop()
    net = null
  })

  async function join(
    count: number,
    channel = 'digest',
    classes: readonly MessageClass[] = [messageClass()],
  ) {
    net ??= await network(count)
    const inboxes: [number, string][][] = []
    const channels: PeerChannel[] = []
    for (const [self, transport] of net.transports.entries()) {
      const inbox: [number, string][] = []
      inboxes.push(inbox)
      channels.push(
        await transport.open({
          channel,
          peers: keys(count),
          self,
          classes,
          onMessage: (from, bytes) => inbox.push([from, textOf(bytes)]),
        }),
      )
    }
    await until('all are connected', () => channels.every((each) => each.connected().length === count - 1))
    return { inboxes, channels }
  }

  const at = <T>(list: readonly T[], index: number): T => {
    const item = list[index]
    if (item === undefined) throw new Error(`Nothing at ${index}`)
    return item
  }

  it('connects every pair and names the sender by its oracle index', async () => {
    const { inboxes, channels } = await join(4)
    for (const [from, channel] of channels.entries()) {
      for (let to = 0; to < 4; to++) channel.send(to, bytesOf(`${from}>${to}`))
    }
    await until('all have arrived', () => inboxes.every((inbox) => inbox.length === 3))
    for (const [self, inbox] of inboxes.entries()) {
      const others = [0, 1, 2, 3].filter((index) => index !== self)
      expect(inbox.toSorted()).toEqual(others.map((from) => [from, `${from}>${self}`]))
      expect(at(channels, self).connected()).toEqual(others)
    }
  })

  it('keeps the order of each pair', async () => {
    const { inboxes, channels } = await join(2)
    for (let n = 0; n < 500; n++) at(channels, 0).send(1, bytesOf(String(n)))
    await until('all have arrived', () => at(inboxes, 1).length === 500)
    expect(at(inboxes, 1).map(([, text]) => Number(text))).toEqual(Array.from({ length: 500 }, (_, n) => n))
  })

  it('keeps channels apart', async () => {
    const one = await join(2, 'one')
    const two = await join(2, 'two')
    at(one.channels, 0).send(1, bytesOf('a'))
    at(two.channels, 0).send(1, bytesOf('b'))
    await until('both have arrived', () => at(one.inboxes, 1).length + at(two.inboxes, 1).length === 2)
    expect(at(one.inboxes, 1)).toEqual([[0, 'a']])
    expect(at(two.inboxes, 1)).toEqual([[0, 'b']])
  })

  it('carries an empty message and one of exactly the limit', async () => {
    const { inboxes, channels } = await join(2, 'digest', [messageClass({ maxBytes: 100_000 })])
    at(channels, 0).send(1, new Uint8Array(0))
    at(channels, 0).send(1, bytesOf('x'.repeat(100_000)))
    await until('both have arrived', () => at(inboxes, 1).length === 2)
    expect(at(inboxes, 1).map(([, text]) => text.length)).toEqual([0, 100_000])
  })

  it('drops its own oversized message and goes on', async () => {
    const { inboxes, channels } = await join(2)
    at(channels, 0).send(1, new Uint8Array(1025))
    at(channels, 0).send(1, bytesOf('next'))
    await until('the next has arrived', () => at(inboxes, 1).length > 0)
    expect(at(inboxes, 1)).toEqual([[0, 'next']])
  })

  describe('with classes of messages', () => {
    const classes = [
      messageClass({ name: 'vote', header: [1, 1], maxBytes: 10 }),
      messageClass({ name: 'bulk', header: [1, 2], maxBytes: 100, ratePerSecond: 0.001, burst: 5 }),
    ]
    const message = (kind: number, text: string) => Uint8Array.of(1, kind, ...bytesOf(text))

    it('holds each class to its own size', async () => {
      const { inboxes, channels } = await join(2, 'digest', classes)
      at(channels, 0).send(1, message(1, 'x'.repeat(9)))
      at(channels, 0).send(1, message(1, 'x'.repeat(8)))
      at(channels, 0).send(1, message(2, 'x'.repeat(98)))
      await until('both that fit have arrived', () => at(inboxes, 1).length === 2)
      expect(at(inboxes, 1).map(([, text]) => text.length)).toEqual([10, 100])
    })

    it('sends nothing that has no class, however short', async () => {
      const { inboxes, channels } = await join(2, 'digest', classes)
      for (const bytes of [[1, 3, 0], [2, 1, 0], [1], []]) at(channels, 0).send(1, Uint8Array.from(bytes))
      at(channels, 0).send(1, message(1, 'last'))
      await until('the last has arrived', () => at(inboxes, 1).length > 0)
      expect(at(inboxes, 1)).toEqual([[0, textOf(message(1, 'last'))]])
    })

    it('drops what a peer sends above the quota of a class, of that peer and class alone', async () => {
      const { inboxes, channels } = await join(3, 'digest', classes)
      for (let n = 0; n < 20; n++) {
        at(channels, 0).send(2, message(2, `bulk ${n}`))
        at(channels, 0).send(2, message(1, `v ${n}`))
      }
      for (let n = 0; n < 5; n++) at(channels, 1).send(2, message(2, `bulk ${n}`))
      await until('all within quota have arrived', () => at(inboxes, 2).length >= 30)
      at(channels, 0).send(2, message(1, 'end'))
      await until('the end has arrived', () => at(inboxes, 2).length >= 31)
      const from = (sender: number, kind: number) =>
        at(inboxes, 2)
          .filter(([who, text]) => who === sender && text.charCodeAt(1) === kind)
          .map(([, text]) => text.slice(2))
      expect(from(0, 2)).toEqual(Array.from({ length: 5 }, (_, n) => `bulk ${n}`))
      expect(from(1, 2)).toEqual(Array.from({ length: 5 }, (_, n) => `bulk ${n}`))
      expect(from(0, 1)).toEqual([...Array.from({ length: 20 }, (_, n) => `v ${n}`), 'end'])
    })
  })

  it('ignores messages to itself and to indices that do not exist', async () => {
    const { inboxes, channels } = await join(2)
    at(channels, 0).send(0, bytesOf('self'))
    at(channels, 0).send(7, bytesOf('nobody'))
    at(channels, 0).send(-1, bytesOf('nobody'))
    at(channels, 0).send(1, bytesOf('last'))
    await until('the last has arrived', () => at(inboxes, 1).length > 0)
    expect(inboxes).toEqual([[], [[0, 'last']]])
  })

  it('reports a closed channel as not connected, on both sides, and send does not throw', async () => {
    const { channels } = await join(2)
    await at(channels, 0).close()
    await until('the other side knows', () => at(channels, 1).connected().length === 0)
    expect(at(channels, 0).connected()).toEqual([])
    at(channels, 0).send(1, bytesOf('late'))
    at(channels, 1).send(0, bytesOf('late'))
  })

  it('opens a channel again after it was closed', async () => {
    const first = await join(2)
    await Promise.all(first.channels.map((each) => each.close()))
    const second = await join(2)
    at(second.channels, 1).send(0, bytesOf('again'))
    await until('it has arrived', () => at(second.inboxes, 0).length === 1)
    expect(at(first.inboxes, 0)).toEqual([])
  })

  it('refuses a channel twice, and members among whom this node is not', async () => {
    await join(2)
    const transport = at(net?.transports ?? [], 0)
    const base = { classes: [messageClass()], onMessage: () => {} }
    await expect(transport.open({ ...base, channel: 'digest', peers: keys(2), self: 0 })).rejects.toThrow()
    const other = { ...base, channel: 'other', peers: keys(2) }
    await expect(transport.open({ ...other, self: 1 })).rejects.toThrow()
    await expect(transport.open({ ...other, self: 0, classes: [] })).rejects.toThrow()
  })
})
