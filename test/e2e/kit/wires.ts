import type { Network } from './network.ts'
import { configOf } from './validator.ts'
import { type Wire, wire } from './wire.ts'

/** TCP wires between one half of the validators and the rest. */
export interface Wires {
  /** Whether a validator of the half has started since, so that the rest reaches it over a wire. */
  reach(index: number): boolean
  /** Takes over the port of a validator of the half, which must not run. */
  takeOver(index: number): Promise<void>
  /** The network settings with which a validator is to start; of the others nothing changes. */
  settings(index: number): { listen: string[]; peers: string[] }
  /** What is open between the two is torn, and what tries to connect is refused. */
  cut(): void
  heal(): void
  close(): Promise<void>
}

/**
 * Only validators of `half` need to start again, in any order. Each then dials the rest over wires, and listens at
 * another port: its old one, which the rest go on to dial, is a wire. Within the half they dial each other directly.
 */
export async function wireUp(net: Network, half: readonly number[]): Promise<Wires> {
  const indices = [...net.description.api.keys()]
  const before = indices.map((index) => configOf(net, index).network)
  const oldPorts = before.map(({ listen }) => portOf(listen[0] ?? ''))
  const newPort = (index: number) => net.base + 100 + index
  const outward = new Map<number, Wire>()
  const inward = new Map<number, Wire>()
  const all = () => [...outward.values(), ...inward.values()]
  for (const index of indices.filter((each) => !half.includes(each)))
    outward.set(index, await wire(0, oldPorts[index] ?? 0))

  const self: Wires = {
    reach: (index) => inward.has(index),
    async takeOver(index) {
      if (half.includes(index) && !inward.has(index))
        inward.set(index, await wire(oldPorts[index] ?? 0, newPort(index)))
    },
    settings(index) {
      const { listen = [], peers = [] } = before[index] ?? {}
      if (!half.includes(index)) return { listen, peers }
      return {
        listen: listen.map((address) => withPort(address, newPort(index))),
        peers: peers.map((address) => {
          const peer = oldPorts.indexOf(portOf(address))
          return withPort(address, outward.get(peer)?.port ?? newPort(peer))
        }),
      }
    },
    cut() {
      for (const each of all()) each.cut()
    },
    heal() {
      for (const each of all()) each.heal()
    },
    close: async () => void (await Promise.all(all().map((each) => each.close()))),
  }
  net.onDispose(() => self.close())
  return self
}

function portOf(multiaddr: string): number {
  return Number(/\/tcp\/(\d+)/.exec(multiaddr)?.[1])
}

function withPort(multiaddr: string, port: number): string {
  return multiaddr.replace(/\/tcp\/\d+/, `/tcp/${port}`)
}
