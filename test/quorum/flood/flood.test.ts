import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { quorumService } from '../../../node/quorum/service.ts'
import { addressOf, keyOfSeed, peerIdOf, seedOf, silent, testNode, until } from '../../adapters/libp2p/kit.ts'
import { contractNumber } from '../memory/network.ts'
import { MemoryChain, MemorySender, MemoryStore, makeIdentity } from '../memory/ports.ts'
import { medianDuty } from '../simulation/median.ts'
import type { FloodOrder, FloodReport } from './flooder.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 })

const N = 4
const FLOODER = 3
const CONTRACT = contractNumber(0)
const MIB = 1024 * 1024

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

/** Three validators over real libp2p; the fourth has a place and never takes part. */
async function quorum(timing: TimingParameters) {
  const chain = new MemoryChain()
  const identities = Array.from({ length: N }, (_, n) => ({
    ...makeIdentity(),
    peerKey: keyOfSeed(seedOf(n)),
  }))
  const channel = chain.setConfig(CONTRACT, { identities, f: 1, timing })
  chain.head_ += 2n
  const addresses: string[] = []
  const nodes = []
  for (const identity of identities.slice(0, FLOODER)) {
    const { transport, metrics } = testNode(seedOf(nodes.length), { peers: addresses })
    await transport.start()
    cleanUp.push(() => transport.stop())
    addresses.push(addressOf(transport))
    const { signers, transmitter, peerKey } = identity
    const outcomes: { readonly seqNr: bigint; readonly at: number }[] = []
    const service = quorumService(
      { transmitter, peerKey },
      {
        transport,
        store: new MemoryStore(),
        signers,
        chain,
        sender: new MemorySender(transmitter),
        clock: systemClock,
        log: silent,
        metrics,
      },
    )
    const handle = service.register(
      medianDuty('test/median', CONTRACT, {
        query: (seqNr) => seqNr,
        observe: (seqNr) => seqNr,
        shouldTransmit: () => false,
        onOutcome: (seqNr) => outcomes.push({ seqNr, at: performance.now() }),
      }),
    )
    nodes.push({ metrics, outcomes, handle })
    await service.start()
    cleanUp.push(() => service.stop(AbortSignal.timeout(5_000)))
  }
  return { nodes, addresses, channel }
}

type Quorum = Awaited<ReturnType<typeof quorum>>

async function flooder({ addresses, channel, nodes }: Quorum, roundsOnly: boolean) {
  const epoch = nodes[0]?.handle.status().epoch ?? 0
  const order: FloodOrder = { seed: seedOf(FLOODER), targets: addresses, channel, n: N, epoch, roundsOnly }
  const worker = new Worker(new URL('./flooder.ts', import.meta.url), { workerData: order })
  cleanUp.push(() => worker.terminate())
  await once(worker, 'message')
  return {
    start: () => worker.postMessage('flood'),
    end: async (): Promise<FloodReport> => {
      const ended = once(worker, 'message')
      worker.postMessage('end')
      return (await ended)[0] as FloodReport
    },
  }
}

/** p95 of the time between outcomes while `rounds` of them come, over all three, and what was between them. */
async function measure({ nodes }: Quorum, rounds: number) {
  const from = nodes.map(({ outcomes }) => outcomes.length)
  let memory = 0
  await until(
    `${rounds} rounds are done`,
    () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      memory = Math.max(memory, heapUsed + arrayBuffers)
      return nodes.every(({ outcomes }, n) => outcomes.length >= (from[n] ?? 0) + rounds + 1)
    },
    120_000,
  )
  const gaps = nodes.flatMap(({ outcomes }, n) => {
    const seen = outcomes.slice(from[n], (from[n] ?? 0) + rounds + 1)
    return seen.slice(1).map(({ at }, i) => at - (seen[i]?.at ?? 0))
  })
  gaps.sort((a, b) => a - b)
  return { p95: gaps[Math.floor(gaps.length * 0.95)] ?? 0, memory }
}

/** Every validator has every outcome: nothing was lost on the way that catching up had to mend. */
function expectWhole({ nodes }: Quorum): void {
  for (const { outcomes } of nodes) {
    const first = outcomes[0]?.seqNr ?? 0n
    expect(outcomes.map(({ seqNr }) => seqNr)).toEqual(outcomes.map((_, n) => first + BigInt(n)))
  }
}

async function run(timing: TimingParameters, rounds: number, roundsOnly: boolean) {
  const net = await quorum(timing)
  const [node] = net.nodes
  if (node === undefined) throw new RangeError('no node')
  await until('rounds run', () => net.nodes.every(({ outcomes }) => outcomes.length > 20), 60_000)
  const hostile = await flooder(net, roundsOnly)
  const { epoch } = node.handle.status()
  const calm = await measure(net, rounds)
  hostile.start()
  const flooded = await measure(net, rounds)
  const report = await hostile.end()
  // Generous: all three validators and the flood share what cores there are. Unfair turns cost a hundred times as much.
  expect(flooded.p95).toBeLessThan(10 * calm.p95 + 1_000)
  expect(flooded.memory - calm.memory).toBeLessThan(256 * MIB)
  expect(node.handle.status().epoch).toBe(epoch)
  expectWhole(net)
  for (const { metrics } of net.nodes) {
    for (let n = 0; n < FLOODER; n++) {
      const peer = peerIdOf(seedOf(n))
      expect(metrics.sum('iyi_net_frames_over_quota_total', { peer })).toBe(0)
      expect(metrics.sum('iyi_net_violations_total', { peer })).toBe(0)
      expect(metrics.sum('iyi_net_frames_dropped_total', { peer, reason: 'queue_full' })).toBe(0)
    }
  }
  return { net, report }
}

describe('a validator that floods', () => {
  const timing = { deltaProgress: 60_000, deltaResend: 20_000, deltaInitial: 1_500, deltaGrace: 5 }

  it('above its quotas is shut out, and costs the others no round', async () => {
    const ordinary = { ...timing, deltaRound: 50, deltaStage: 60_000, rMax: 1_000_000 }
    const { net } = await run(ordinary, 30, false)
    for (const { metrics } of net.nodes) {
      const peer = peerIdOf(seedOf(FLOODER))
      expect(metrics.sum('iyi_net_violations_total', { peer, reason: 'flooding' })).toBeGreaterThan(0)
      expect(metrics.sum('iyi_net_frames_over_quota_total', { peer })).toBeGreaterThan(100)
    }
  })

  it('within quotas made for a round a millisecond does not starve the others', async () => {
    const fast = { ...timing, deltaRound: 1, deltaStage: 60_000, rMax: 1_000_000 }
    const { report } = await run(fast, 40, true)
    expect(report.bytes).toBeGreaterThan(16 * MIB)
  })
})
