import type { Clock } from '../../../node/ports/clock.ts'
import type { PeerTransport } from '../../../node/ports/network.ts'
import type { ContractRef, Duty, DutyHandle } from '../../../node/ports/quorum.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { type QuorumService, quorumService } from '../../../node/quorum/service.ts'
import type { MedianOutcome } from '../simulation/median.ts'
import {
  type Identity,
  MemoryChain,
  MemoryHub,
  MemoryMetrics,
  MemorySender,
  MemoryStore,
  makeIdentity,
  silentLog,
} from './ports.ts'

export interface MemoryNode {
  readonly identity: Identity
  readonly store: MemoryStore
  readonly sender: MemorySender
  readonly metrics: MemoryMetrics
  service: QuorumService
  handles: DutyHandle[]
}

export const contractNumber = (i: number): ContractRef => ({
  chainId: 31337,
  address: `0x${(0xc0ffee00 + i).toString(16).padStart(40, '0')}`,
})

/** Validators in one process: real signatures, everything else in memory. */
export class MemoryNetwork {
  readonly clock: Clock
  readonly hub: MemoryHub
  readonly chain = new MemoryChain()
  readonly nodes: MemoryNode[]
  readonly #duties: (node: number) => readonly Duty<bigint, bigint, MedianOutcome>[]
  readonly #between: (transport: PeerTransport, identity: Identity, node: number) => PeerTransport

  constructor(options: {
    readonly n: number
    readonly clock: Clock
    readonly later: (run: () => void) => void
    readonly duties: (node: number) => readonly Duty<bigint, bigint, MedianOutcome>[]
    /** Wraps a node's transport. */
    readonly between?: (transport: PeerTransport, identity: Identity, node: number) => PeerTransport
  }) {
    this.clock = options.clock
    this.hub = new MemoryHub(options.later)
    this.#duties = options.duties
    this.#between = options.between ?? ((transport) => transport)
    this.nodes = Array.from({ length: options.n }, (_, i) => {
      const identity = makeIdentity()
      const store = new MemoryStore()
      const sender = new MemorySender(identity.transmitter)
      const metrics = new MemoryMetrics()
      const parts = { identity, store, sender, metrics }
      return { ...parts, ...this.#service(parts, i) }
    })
  }

  #service(parts: Omit<MemoryNode, 'service' | 'handles'>, i: number) {
    const { identity, store, sender, metrics } = parts
    const service = quorumService(
      { transmitter: identity.transmitter, peerKey: identity.peerKey },
      {
        transport: this.#between(this.hub.transport(), identity, i),
        store,
        signers: identity.signers,
        chain: this.chain,
        sender,
        clock: this.clock,
        log: silentLog,
        metrics,
      },
    )
    return { service, handles: this.#duties(i).map((duty) => service.register(duty)) }
  }

  configure(contract: ContractRef, f: number, timing: TimingParameters): void {
    this.chain.setConfig(contract, { identities: this.nodes.map(({ identity }) => identity), f, timing })
    this.chain.head_ += 2n
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map(({ service }) => service.start()))
  }

  /** With no deadline: what hangs shows. */
  async stop(): Promise<void> {
    const never = new AbortController().signal
    await Promise.all(this.nodes.map(({ service }) => service.stop(never)))
  }

  /** A new process on the same disk. */
  reboot(node: MemoryNode): void {
    Object.assign(node, this.#service(node, this.nodes.indexOf(node)))
  }
}
