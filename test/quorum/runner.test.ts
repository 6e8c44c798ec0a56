import { hexToBytes, zeroHash } from 'viem'
import { afterEach, describe, expect, it } from 'vitest'
import type { Duty, Report } from '../../node/ports/quorum.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { encodeMessage } from '../../node/quorum/messages.ts'
import { VirtualClock } from './memory/clock.ts'
import { contractNumber, MemoryNetwork, type MemoryNode } from './memory/network.ts'
import { type MedianOutcome, type MedianSource, medianDuty } from './simulation/median.ts'
import { FAST } from './simulation/world.ts'

const CONTRACT = contractNumber(0)
const ID = 'test/median'

const running: MemoryNetwork[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

/** One validator where nothing else is needed: it agrees with itself. */
function network(
  options: {
    readonly n?: number
    readonly source?: Partial<MedianSource>
    readonly change?: Partial<Duty<bigint, bigint, MedianOutcome>>
  } = {},
) {
  const clock = new VirtualClock()
  const source = { query: (seqNr: bigint) => seqNr, observe: (seqNr: bigint) => seqNr, ...options.source }
  const net = new MemoryNetwork({
    n: options.n ?? 1,
    clock,
    later: (run) => void clock.setTimer(2, run),
    duties: () => [{ ...medianDuty(ID, CONTRACT, source), ...options.change }],
  })
  running.push(net)
  const node = net.nodes[0] as MemoryNode
  const status = () => {
    const found = node.handles[0]?.status()
    if (found === undefined) throw new RangeError('no such duty')
    return found
  }
  const counted = (name: string, label: string) => node.metrics.values.get(`${name}{${ID}${label}}`) ?? 0
  return { clock, net, node, status, counted }
}

const report = (number: number): Report => ({
  contract: CONTRACT,
  payload: hexToBytes(`0x${number.toString(16).padStart(64, '0')}`),
  extraHash: zeroHash,
})

describe('after a restart', () => {
  it('signs all reports of the last outcome again', async () => {
    let work = true
    const { clock, net, node, status, counted } = network({
      source: { query: (seqNr) => (work ? seqNr : null) },
      change: { reports: (ctx) => [0, 1, 2].map((i) => report(10 * Number(ctx.seqNr) + i)) },
    })
    net.configure(CONTRACT, 0, FAST)
    await net.start()
    expect(await clock.run(5_000, () => status().seqNr >= 3n)).toBe(true)
    work = false
    await clock.run(500)
    const attested = counted('iyi_quorum_attested_total', '')
    expect(BigInt(attested)).toBe(status().seqNr)
    await net.stop()
    net.reboot(node)
    await node.service.start()
    await clock.run(500)
    expect(counted('iyi_quorum_faults_total', ',sign-refused,self')).toBe(0)
    expect(counted('iyi_quorum_attested_total', '')).toBe(attested + 1)
  })

  it("tells the last outcome with its commit's epoch", async () => {
    let work = true
    const told: [bigint, number][] = []
    const { clock, net, node, status } = network({
      source: {
        query: (seqNr) => (work ? seqNr : null),
        onOutcome: (seqNr, _outcome, epoch) => told.push([seqNr, epoch]),
      },
    })
    net.configure(CONTRACT, 0, { ...FAST, rMax: 4 })
    await net.start()
    expect(await clock.run(5_000, () => status().seqNr >= 3n)).toBe(true)
    work = false
    // Beats end epochs in which nothing is committed.
    const { epoch } = status()
    expect(await clock.run(5_000, () => status().epoch >= epoch + 2)).toBe(true)
    await net.stop()
    const last = told.at(-1)
    net.reboot(node)
    const before = told.length
    await node.service.start()
    await clock.run(200)
    expect(told.slice(before)).toEqual([last])
  })
})

describe('a chain provider that lags', () => {
  it('does not send the node back to the configuration before', async () => {
    const { clock, net, status } = network()
    net.configure(CONTRACT, 0, FAST)
    await net.start()
    expect(await clock.run(5_000, () => status().seqNr >= 1n)).toBe(true)
    const key = CONTRACT.address.toLowerCase()
    const first = net.chain.configs.get(key)
    net.configure(CONTRACT, 0, { ...FAST, rMax: 17 })
    const second = net.chain.configs.get(key)
    if (first === undefined || second === undefined) throw new RangeError('not configured')
    expect(
      await clock.run(40_000, () => status().configDigest === second.digest && status().seqNr >= 1n),
    ).toBe(true)
    net.chain.configs.set(key, first)
    expect(await clock.run(40_000, () => status().configDigest !== second.digest)).toBe(false)
    expect(status().state).toBe('running')
  })

  it('does not when the instance has broken meanwhile either', async () => {
    const { clock, net, node, status } = network({ n: 4 })
    const key = CONTRACT.address.toLowerCase()
    net.configure(CONTRACT, 1, FAST)
    const first = net.chain.configs.get(key)
    net.configure(CONTRACT, 1, { ...FAST, rMax: 17 })
    const second = net.chain.configs.get(key)
    if (first === undefined || second === undefined) throw new RangeError('not configured')
    let broken = false
    net.hub.onSend = () => {
      if (broken) throw new RangeError('a transport that throws')
    }
    await node.service.start()
    expect(await clock.run(1_000, () => status().state === 'running')).toBe(true)
    net.chain.configs.set(key, first)
    broken = true
    expect(await clock.run(1_000, () => status().state === 'starting')).toBe(true)
    broken = false
    await clock.run(20_000)
    expect(status()).toMatchObject({ state: 'starting', configDigest: second.digest })
    expect(status().reason).toContain(`block ${first.block}`)
    net.chain.configs.set(key, second)
    expect(await clock.run(20_000, () => status().state === 'running')).toBe(true)
  })
})

describe('an instance that breaks', () => {
  it('over and over is started ever more seldom, and at once when it had run for a while', async () => {
    const { clock, net, node, status } = network({ n: 4 })
    let starts = 0
    const load = node.store.load.bind(node.store)
    node.store.load = async (instance) => {
      starts++
      return load(instance)
    }
    // Wishes alone are sent: the other three are not there.
    let broken = true
    net.hub.onSend = () => {
      if (broken) throw new RangeError('a transport that throws')
    }
    net.configure(CONTRACT, 1, FAST)
    await node.service.start()
    await clock.run(60_000)
    expect(starts).toBeGreaterThan(3)
    expect(starts).toBeLessThan(12)
    broken = false
    expect(await clock.run(20_000, () => status().state === 'running')).toBe(true)
    await clock.run(61_000)
    broken = true
    expect(await clock.run(600, () => status().state === 'starting')).toBe(true)
    broken = false
    expect(await clock.run(600, () => status().state === 'running')).toBe(true)
  })
})

describe('a peer that sends more than can be taken', () => {
  it('loses what is too much, is counted, and holds up nothing', async () => {
    const { clock, net, node, status, counted } = network({ n: 4 })
    net.configure(CONTRACT, 1, FAST)
    await node.service.start()
    expect(await clock.run(1_000, () => status().state === 'running')).toBe(true)
    const wish = (epoch: number) => encodeMessage({ kind: 'wish', epoch }, QUORUM_LIMITS)
    const say = (from: number, epoch: number) =>
      net.hub.inject(status().configDigest ?? '', node.identity.peerKey, from, wish(epoch))
    for (let n = 0; n < 1_000; n++) say(1, 2)
    const dropped = counted('iyi_quorum_dropped_total', ',inbox-full')
    expect(dropped).toBeGreaterThan(500)
    // These wait for one message of the first each, and with them the epoch begins.
    say(2, 2)
    say(3, 2)
    await clock.run(1)
    expect(status().epoch).toBe(2)
    expect(counted('iyi_quorum_dropped_total', ',inbox-full')).toBe(dropped)
  })
})

describe('evidence that is slow to write', () => {
  const held = (node: MemoryNode) => {
    const gate = Promise.withResolvers<void>()
    const save = node.store.saveEvidence.bind(node.store)
    node.store.saveEvidence = async (record) => {
      await gate.promise
      await save(record)
    }
    return () => gate.resolve()
  }

  it('does not hold back transmissions', async () => {
    const { clock, net, node, status } = network()
    const release = held(node)
    net.configure(CONTRACT, 0, FAST)
    await net.start()
    expect(await clock.run(5_000, () => status().seqNr >= 3n)).toBe(true)
    await clock.run(50)
    expect(node.sender.sent.length).toBeGreaterThanOrEqual(3)
    expect(node.store.records.size).toBe(0)
    release()
    await clock.run(10)
    expect(node.store.records.size).toBeGreaterThanOrEqual(3)
  })

  it('gives up the oldest, and counts it', async () => {
    const { clock, net, node, status, counted } = network({ source: { shouldTransmit: () => false } })
    const release = held(node)
    net.configure(CONTRACT, 0, { ...FAST, deltaRound: 20, deltaGrace: 5, rMax: 1000 })
    await net.start()
    // One is being written, 256 wait, and the rest is too much.
    expect(await clock.run(60_000, () => status().seqNr >= 262n)).toBe(true)
    const last = status().seqNr
    const lost = counted('iyi_quorum_faults_total', ',evidence-lost,self')
    expect(lost).toBeGreaterThanOrEqual(4)
    release()
    await clock.run(5)
    const { configDigest } = status()
    const evidence = async (seqNr: bigint) => node.handles[0]?.evidence(configDigest ?? '0x', seqNr)
    expect(await evidence(1n)).not.toBeNull()
    expect(await evidence(2n)).toBeNull()
    expect(await evidence(BigInt(lost))).toBeNull()
    expect(await evidence(last - 1n)).not.toBeNull()
  })
})

describe('stopping while the configuration is read', () => {
  it('starts nothing any more', async () => {
    const { clock, net, node, status } = network({ n: 4 })
    const gate = Promise.withResolvers<void>()
    const logs = net.chain.logs.bind(net.chain)
    let reading = false
    net.chain.logs = async (...args) => {
      reading = true
      await gate.promise
      return logs(...args)
    }
    let sent = 0
    net.hub.onSend = () => void sent++
    net.configure(CONTRACT, 1, FAST)
    await node.service.start()
    expect(await clock.run(1_000, () => reading)).toBe(true)
    await node.service.stop(AbortSignal.abort())
    gate.resolve()
    await clock.run(3_000)
    expect(status().state).toBe('stopped')
    expect(status().self).toBeNull()
    expect(sent).toBe(0)
  })
})

describe('an answer that names an earlier configuration', () => {
  /** A network of one that follows the second configuration of its contract. */
  async function followed() {
    const made = network()
    const { clock, net, status } = made
    const slow = { ...FAST, deltaRound: 1_500, deltaProgress: 6_000 }
    net.configure(CONTRACT, 0, slow)
    const earlier = net.chain.configs.get(CONTRACT.address)
    net.chain.head_ += 10n
    net.configure(CONTRACT, 0, { ...slow, rMax: 7 })
    await net.start()
    expect(await clock.run(5_000, () => status().seqNr >= 1n)).toBe(true)
    if (earlier === undefined) throw new RangeError('no configuration')
    return { ...made, earlier, current: status().configDigest }
  }

  it('comes from a lagging provider when its chain is shorter: it is not followed', async () => {
    const { clock, net, status, earlier, current } = await followed()
    net.chain.configs.set(CONTRACT.address, earlier)
    net.chain.head_ -= 5n
    await clock.run(40_000)
    expect(status()).toMatchObject({ state: 'running', configDigest: current })
  })

  it('comes from a reorganised chain when that has grown on: it is followed', async () => {
    const { clock, net, status, earlier, current } = await followed()
    net.chain.configs.set(CONTRACT.address, earlier)
    net.chain.head_ += 5n
    expect(await clock.run(40_000, () => status().configDigest === earlier.digest)).toBe(true)
    expect(earlier.digest).not.toBe(current)
    expect(await clock.run(5_000, () => status().seqNr >= 1n && status().state === 'running')).toBe(true)
  })

  it('and when the configuration is gone altogether, the duty waits for one', async () => {
    const { clock, net, status } = await followed()
    net.chain.configs.delete(CONTRACT.address)
    net.chain.head_ += 5n
    expect(await clock.run(40_000, () => status().state === 'starting')).toBe(true)
  })
})
