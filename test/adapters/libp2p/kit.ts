import { ed25519 } from '@noble/curves/ed25519.js'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { identityFromSeed } from '../../../node/adapters/libp2p/identity.ts'
import { type Libp2pTransport, libp2pTransport } from '../../../node/adapters/libp2p/transport.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { Labels, Metrics } from '../../../node/ports/metrics.ts'

export const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silent,
}

/** Metrics that a test can read. */
export class TestMetrics implements Metrics {
  readonly values = new Map<string, number>()

  counter(spec: { name: string }): { inc(labels?: Labels, by?: number): void } {
    return { inc: (labels, by = 1) => this.#add(spec.name, labels, by) }
  }
  gauge(spec: { name: string }): { set(value: number, labels?: Labels): void } {
    return { set: (value, labels) => void this.values.set(keyOf(spec.name, labels), value) }
  }
  histogram(spec: { name: string }): { observe(value: number, labels?: Labels): void } {
    return { observe: (_value, labels) => this.#add(spec.name, labels, 1) }
  }

  /** Sum over the series of this name whose labels include the given ones. */
  sum(name: string, labels: Labels = {}): number {
    let total = 0
    for (const [key, value] of this.values) {
      const [metric, json] = split(key)
      if (metric !== name) continue
      const have = JSON.parse(json) as Record<string, string | number>
      if (Object.entries(labels).every(([label, wanted]) => have[label] === wanted)) total += value
    }
    return total
  }

  #add(name: string, labels: Labels | undefined, by: number): void {
    const key = keyOf(name, labels)
    this.values.set(key, (this.values.get(key) ?? 0) + by)
  }
}

function keyOf(name: string, labels: Labels = {}): string {
  return `${name} ${JSON.stringify(labels)}`
}

function split(key: string): [string, string] {
  const at = key.indexOf(' ')
  return [key.slice(0, at), key.slice(at + 1)]
}

/** Waits for a condition; fails with what was waited for. */
export async function until(what: string, condition: () => boolean, deadlineMs = 8_000): Promise<void> {
  const start = performance.now()
  while (!condition()) {
    if (performance.now() - start > deadlineMs) throw new Error(`Gave up waiting until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export function seedOf(n: number): Uint8Array {
  return new Uint8Array(32).fill(n + 1)
}

export function keyOfSeed(seed: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(seed)
}

export function peerIdOf(seed: Uint8Array): string {
  return identityFromSeed(seed).peerId.toString()
}

export interface TestNode {
  readonly transport: Libp2pTransport
  readonly metrics: TestMetrics
}

/** A transport on a loopback port of the system's choice, or on the given one. */
export function testNode(
  seed: Uint8Array,
  options: {
    peers?: readonly string[]
    port?: number
    commonFrames?: number
    commonBytes?: number
    clock?: Clock
  } = {},
): TestNode {
  const metrics = new TestMetrics()
  const { port = 0, peers = [], clock = systemClock, ...queue } = options
  const transport = libp2pTransport(
    { listen: [`/ip4/127.0.0.1/tcp/${port}`], peers, privateKeySeed: seed, ...queue },
    { clock, log: silent, metrics },
  )
  return { transport, metrics }
}

/** The only address of a started transport. */
export function addressOf(transport: Libp2pTransport): string {
  const address = transport.multiaddrs()[0]
  if (address === undefined) throw new Error('Transport does not listen')
  return address
}

export function portOf(transport: Libp2pTransport): number {
  return Number(addressOf(transport).split('/')[4])
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
