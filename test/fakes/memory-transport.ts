import type { PeerChannel, PeerTransport } from '../../node/ports/network.ts'

type OpenOptions = Parameters<PeerTransport['open']>[0]

interface Member {
  readonly options: OpenOptions
  readonly keys: readonly string[]
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/**
 * A network in memory: transports that reach each other in the order of sending, within the same tick. Links can be
 * cut and mended; what is sent over a cut link is lost.
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
    const self: Member = { options, keys }
    members.set(own, self)
    const alive = (): boolean => this.#members.get(options.channel)?.get(own) === self
    return {
      send: (to, bytes) => {
        const target = keys[to]
        if (!alive() || to === options.self || target === undefined) return
        if (bytes.length > options.maxMessageBytes || this.#peer(options.channel, own, target) === null)
          return
        const copy = bytes.slice()
        queueMicrotask(() => {
          const peer = this.#peer(options.channel, own, target)
          peer?.options.onMessage(peer.keys.indexOf(own), copy)
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
