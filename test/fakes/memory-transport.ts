import type { MessageClass, PeerChannel, PeerTransport } from '../../node/ports/network.ts'

type OpenOptions = Parameters<PeerTransport['open']>[0]

interface Member {
  readonly options: OpenOptions
  readonly keys: readonly string[]
  /** Messages that each sender and class may still send, and when that was so. */
  readonly quotas: Map<string, { tokens: number; atMs: number }>
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const classOf = (options: OpenOptions, bytes: Uint8Array): MessageClass | undefined =>
  options.classes.find(({ header }) => header.every((byte, at) => bytes[at] === byte))

const fits = (options: OpenOptions, bytes: Uint8Array): boolean =>
  bytes.length <= (classOf(options, bytes)?.maxBytes ?? -1)

function within(receiver: Member, sender: string, bytes: Uint8Array): boolean {
  const limits = classOf(receiver.options, bytes)
  if (limits === undefined || bytes.length > limits.maxBytes) return false
  const key = `${sender} ${limits.name}`
  const now = performance.now()
  const { tokens, atMs } = receiver.quotas.get(key) ?? { tokens: limits.burst, atMs: now }
  const left = Math.min(limits.burst, tokens + ((now - atMs) / 1000) * limits.ratePerSecond)
  receiver.quotas.set(key, { tokens: left < 1 ? left : left - 1, atMs: now })
  return left >= 1
}

/**
 * A network in memory: transports that reach each other in the order of sending, within the same tick, so that nothing
 * ever waits. Sizes and quotas of classes hold as on a real network. Links can be cut and mended; what is sent over a
 * cut link is lost.
 */
export class MemoryNetwork {
  readonly #members = new Map<string, Map<string, Member>>()
  readonly #cut = new Set<string>()

  /** The transport of the node with this public key. */
  transport(key: Uint8Array): PeerTransport & { stop(): Promise<void> } {
    const own = hex(key)
    return {
      open: async (options) => this.#open(own, options),
      stop: async () => {
        for (const members of this.#members.values()) members.delete(own)
      },
    }
  }

  cut(a: Uint8Array, b: Uint8Array): void {
    this.#cut.add([hex(a), hex(b)].sort().join())
  }

  mend(a: Uint8Array, b: Uint8Array): void {
    this.#cut.delete([hex(a), hex(b)].sort().join())
  }

  #open(own: string, options: OpenOptions): PeerChannel {
    const keys = options.peers.map(hex)
    if (keys[options.self] !== own) throw new Error('peers[self] is not this transport')
    let members = this.#members.get(options.channel)
    if (members === undefined) {
      members = new Map()
      this.#members.set(options.channel, members)
    }
    if (members.has(own)) throw new Error('channel is open already')
    if (options.classes.length === 0) throw new Error('no classes of messages')
    const self: Member = { options, keys, quotas: new Map() }
    members.set(own, self)
    const alive = (): boolean => this.#members.get(options.channel)?.get(own) === self
    return {
      send: (to, bytes) => {
        const target = keys[to]
        if (!alive() || to === options.self || target === undefined) return
        if (!fits(options, bytes) || this.#peer(options.channel, own, target) === null) return
        const copy = bytes.slice()
        queueMicrotask(() => {
          const peer = this.#peer(options.channel, own, target)
          if (peer !== null && within(peer, own, copy)) peer.options.onMessage(peer.keys.indexOf(own), copy)
        })
      },
      connected: () => {
        if (!alive()) return []
        return [...keys.keys()].filter((index) => {
          const target = keys[index]
          return (
            index !== options.self &&
            target !== undefined &&
            this.#peer(options.channel, own, target) !== null
          )
        })
      },
      close: async () => {
        if (alive()) this.#members.get(options.channel)?.delete(own)
      },
    }
  }

  #peer(channel: string, from: string, to: string): Member | null {
    if (this.#cut.has([from, to].sort().join())) return null
    const member = this.#members.get(channel)?.get(to)
    return member?.keys.includes(from) === true ? member : null
  }
}
