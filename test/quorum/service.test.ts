import { decodeFunctionData, hexToBytes, recoverAddress } from 'viem'
import { afterEach, describe, expect, it } from 'vitest'
import { OCR2_ABI, readQuorumConfig } from '../../node/quorum/config.ts'
import { consensusVerifier } from '../../node/quorum/consensus-key.ts'
import { reportDigest } from '../../node/quorum/digest.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage } from '../../node/quorum/messages.ts'
import { leaderOf, transmissionStage } from '../../node/quorum/permutation.ts'
import { openSecret } from '../../node/quorum/shared-secret.ts'
import { observationSignedBytes, sha256 } from '../../node/quorum/signed-bytes.ts'
import { VirtualClock } from './memory/clock.ts'
import { contractNumber, MemoryNetwork, type MemoryNode } from './memory/network.ts'
import { makeIdentity, SignerFailure } from './memory/ports.ts'
import { type MedianSource, medianDuty } from './simulation/median.ts'
import { FAST as BASE } from './simulation/world.ts'

const CONTRACT = contractNumber(0)
/** Fewer rounds a second: the signatures are real ones. */
const FAST = { ...BASE, deltaRound: 400 }

const running: MemoryNetwork[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

function network(
  options: { duties?: number; source?: (node: number, duty: number) => Partial<MedianSource> } = {},
) {
  const clock = new VirtualClock()
  const net = new MemoryNetwork({
    n: 4,
    clock,
    later: (run) => void clock.setTimer(2, run),
    duties: (node) =>
      Array.from({ length: options.duties ?? 1 }, (_, duty) =>
        medianDuty(`test/median-${duty}`, contractNumber(duty), {
          query: (seqNr) => seqNr,
          observe: (seqNr) => 1000n * seqNr + BigInt(10 * duty + node),
          ...options.source?.(node, duty),
        }),
      ),
  })
  running.push(net)
  return { clock, net }
}

const status = (node: MemoryNode, duty = 0) => {
  const found = node.handles[duty]?.status()
  if (found === undefined) throw new RangeError('no such duty')
  return found
}
const seqNrs = (net: MemoryNetwork, duty = 0) => net.nodes.map((node) => status(node, duty).seqNr)
const reached = (net: MemoryNetwork, seqNr: bigint, duty = 0) =>
  seqNrs(net, duty).every((each) => each >= seqNr)

describe('a network in memory', () => {
  it('attests, transmits and keeps evidence that others can check', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 5n))).toBe(true)
    await clock.run(100)
    const [node] = net.nodes
    if (node === undefined) return
    const { configDigest, oracles } = status(node)
    if (configDigest === null) return
    const evidence = await node.handles[0]?.evidence(configDigest, 3n)
    expect(evidence).toMatchObject({ seqNr: 3n, dutyId: 'test/median-0' })
    if (evidence == null) return
    expect(evidence.observations.length).toBeGreaterThanOrEqual(3)
    const verify = consensusVerifier(oracles.map(({ consensusKey }) => hexToBytes(consensusKey)))
    const at = { digest: hexToBytes(configDigest), epoch: evidence.epoch, seqNr: 3n }
    for (const { oracle, observation, signature } of evidence.observations) {
      expect(verify(oracle, observationSignedBytes(at, evidence.query, observation), signature)).toBe(true)
    }
    const [report] = evidence.reports
    expect(report?.signatures.length).toBe(2)
    expect(report?.digest).toBe(
      reportDigest(report?.report.payload ?? new Uint8Array(), report?.context ?? ['0x', '0x', '0x']),
    )
    for (const { oracle, signer, signature } of report?.signatures ?? []) {
      const rsv = signature.slice()
      rsv[64] = (rsv[64] ?? 0) + 27
      expect(await recoverAddress({ hash: report?.digest ?? '0x', signature: rsv })).toBe(signer)
      expect(oracles[oracle]?.signer).toBe(signer)
    }
  })

  it('transmits in the OCR2 layout, in stages, once each where the chain is asked', async () => {
    const landed = new Set<bigint>()
    const { clock, net } = network({ source: () => ({ shouldTransmit: (seqNr) => !landed.has(seqNr) }) })
    for (const node of net.nodes) {
      const send = node.sender.send.bind(node.sender)
      node.sender.send = async (request) => {
        landed.add(BigInt(request.key.split(':')[1] ?? 0))
        return send(request)
      }
    }
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 12n))).toBe(true)
    const sent = net.nodes.flatMap(({ sender }) => sender.sent)
    expect(new Set(sent.map(({ key }) => key)).size).toBe(sent.length)
    const [first] = sent
    expect(first).toMatchObject({ chainId: 31337, to: CONTRACT.address })
    if (first === undefined) return
    const { functionName, args } = decodeFunctionData({ abi: OCR2_ABI, data: first.data })
    expect(functionName).toBe('transmit')
    const [context, , rs, ss, rawVs] = args as unknown as [string[], string, string[], string[], string]
    expect([context.length, rs.length, ss.length]).toEqual([3, 2, 2])
    expect(rawVs.slice(6)).toBe('00'.repeat(30))
    expect(rawVs.slice(2, 6)).toMatch(/^0[01]0[01]$/)
    // The other three asked too, each one stage later.
    const asked = (result: string) =>
      net.nodes.reduce(
        (sum, { metrics }) =>
          sum + (metrics.values.get(`iyi_quorum_transmissions_total{test/median-0,${result}}`) ?? 0),
        0,
      )
    await clock.run(5_000)
    expect(asked('not-needed')).toBeGreaterThan(asked('mined'))
  })

  it('has stages: a transmitter that is down is replaced by the next', async () => {
    const { clock, net } = network({ source: () => ({ shouldTransmit: () => true }) })
    net.configure(CONTRACT, 1, { ...FAST, deltaRound: 5_000, deltaProgress: 20_000, deltaStage: 60_000 })
    await net.start()
    expect(await clock.run(40_000, () => reached(net, 4n))).toBe(true)
    await clock.run(50)
    const total = net.nodes.reduce((sum, { sender }) => sum + sender.sent.length, 0)
    expect(BigInt(total)).toBeGreaterThanOrEqual(4n)
    expect(BigInt(total)).toBeLessThanOrEqual((seqNrs(net)[0] ?? 0n) + 1n)
    await clock.run(60_000)
    const later = net.nodes.reduce((sum, { sender }) => sum + sender.sent.length, 0)
    expect(later).toBeGreaterThan(2 * total)
    expect(transmissionStage(new Uint8Array(32), { seqNr: 1n, index: 0 }, 4, 0)).toBeLessThan(4)
  })

  it('runs duties side by side, each with its own instance', async () => {
    const { clock, net } = network({ duties: 3 })
    net.configure(contractNumber(0), 1, FAST)
    net.configure(contractNumber(2), 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 5n, 0) && reached(net, 5n, 2))).toBe(true)
    expect(net.nodes.map((node) => status(node, 1).state)).toEqual(Array(4).fill('starting'))
    expect(net.nodes[0]?.service.health()).toMatchObject({ status: 'degraded' })
    // The third contract is configured later: its duty begins by itself.
    net.configure(contractNumber(1), 1, FAST)
    expect(await clock.run(40_000, () => reached(net, 5n, 1))).toBe(true)
    expect(net.nodes[0]?.service.health()).toMatchObject({ status: 'ok' })
    const digests = [0, 1, 2].map((duty) => net.nodes[0]?.handles[duty]?.status().configDigest)
    expect(new Set(digests).size).toBe(3)
  })

  it('tells the truth in its status', async () => {
    const { clock, net } = network()
    const [node] = net.nodes
    if (node === undefined) return
    expect(status(node)).toMatchObject({
      state: 'starting',
      self: null,
      leader: null,
      seqNr: 0n,
      oracles: [],
    })
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 3n))).toBe(true)
    const now = status(node)
    expect(now).toMatchObject({ state: 'running', n: 4, f: 1, self: 0, epoch: 1 })
    expect(now.lastOutcomeAt).toBeGreaterThan(1_700_000_000_000)
    expect(now.oracles.map(({ connected }) => connected)).toEqual([true, true, true, true])
    expect(
      now.oracles.map(({ lastObservedSeqNr }) => lastObservedSeqNr ?? 0n).every((each) => each >= 2n),
    ).toBe(true)
    await net.nodes[3]?.service.stop(AbortSignal.timeout(1000))
    expect(await clock.run(10_000, () => status(node).seqNr >= 8n)).toBe(true)
    expect(status(node).oracles[3]).toMatchObject({ connected: false })
    expect(status(node).oracles[3]?.lastObservedSeqNr).toBeLessThan(5n)
    expect(net.nodes[3]?.handles[0]?.status().state).toBe('stopped')
  })

  it('tells each outcome once, in order; after a restart the last one again', async () => {
    const heard: bigint[][] = [[], [], [], []]
    const { clock, net } = network({
      source: (node) => ({ onOutcome: (seqNr) => void heard[node]?.push(seqNr) }),
    })
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 5n))).toBe(true)
    const [node] = net.nodes
    if (node === undefined) return
    await node.service.stop(AbortSignal.timeout(1000))
    const last = heard[0]?.at(-1) ?? 0n
    expect(heard[0]).toEqual(Array.from({ length: Number(last) }, (_, i) => BigInt(i + 1)))
    await clock.run(3_000)
    net.reboot(node)
    await node.service.start()
    expect(await clock.run(10_000, () => (heard[0]?.at(-1) ?? 0n) >= last + 20n)).toBe(true)
    expect(heard[0]?.[Number(last)]).toBe(last)
    const after = heard[0]?.slice(Number(last)) ?? []
    expect(after.every((seqNr, i) => i === 0 || seqNr > (after[i - 1] ?? 0n))).toBe(true)
  })
})

describe('membership', () => {
  it('a node that is no member observes; one with foreign keys is refused, and says which', async () => {
    const { clock, net } = network()
    const others = [makeIdentity(), makeIdentity()]
    const [a, b, c, d] = net.nodes.map(({ identity }) => identity)
    if (a === undefined || b === undefined || c === undefined || d === undefined) return
    const mixed = { ...d, peerKey: others[0]?.peerKey ?? d.peerKey }
    net.chain.setConfig(CONTRACT, { identities: [a, b, others[1] ?? c, mixed], f: 1, timing: FAST })
    net.chain.head_ += 2n
    await net.start()
    await clock.run(2_000)
    expect(net.nodes.map((node) => status(node).state)).toEqual(['running', 'running', 'observer', 'refused'])
    expect(net.nodes[3]?.handles[0]?.status().reason).toContain('peer key')
    expect(net.nodes[3]?.service.health()).toMatchObject({ status: 'degraded' })
  })

  it('refuses a configuration that contradicts its digest', async () => {
    const { clock, net } = network()
    const identities = net.nodes.map(({ identity }) => identity)
    net.chain.setConfig(CONTRACT, { identities, f: 1, timing: FAST, tamper: { f: 0 } })
    net.chain.head_ += 2n
    await net.start()
    await clock.run(1_000)
    expect(net.nodes.map((node) => status(node).state)).toEqual(Array(4).fill('refused'))
  })

  it('two duties of one name or one contract are refused', () => {
    const { net } = network()
    const [node] = net.nodes
    const source = { query: () => 1n, observe: () => 1n }
    const register = (id: string, i: number) => () =>
      node?.service.register(medianDuty(id, contractNumber(i), source))
    expect(register('test/median-0', 7)).toThrowError(
      expect.objectContaining({ code: 'QUORUM_DUPLICATE_DUTY' }),
    )
    expect(register('test/other', 0)).toThrowError(
      expect.objectContaining({ code: 'QUORUM_DUPLICATE_CONTRACT' }),
    )
  })

  it('duties are registered before the start', async () => {
    const { net } = network()
    await net.start()
    const source = { query: () => 1n, observe: () => 1n }
    expect(() =>
      net.nodes[0]?.service.register(medianDuty('test/late', contractNumber(9), source)),
    ).toThrowError(expect.objectContaining({ code: 'QUORUM_ALREADY_STARTED' }))
  })
})

describe('another configuration', () => {
  it('ends the instance and begins the next, with its own numbering', async () => {
    const { clock, net } = network()
    const slow = { ...FAST, deltaRound: 1_500, deltaProgress: 6_000 }
    net.configure(CONTRACT, 1, slow)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 3n))).toBe(true)
    const [first] = net.nodes.map((node) => status(node).configDigest)
    net.configure(CONTRACT, 1, { ...slow, rMax: 17 })
    const changed = () =>
      net.nodes.every((node) => status(node).configDigest !== first && status(node).seqNr >= 3n)
    expect(await clock.run(40_000, changed)).toBe(true)
    expect(net.nodes.map((node) => status(node).state)).toEqual(Array(4).fill('running'))
    // What the old one agreed on is still known.
    expect(await net.nodes[0]?.handles[0]?.evidence(first ?? '0x', 2n)).not.toBeNull()
  })

  it('takes in an observer, and lets a member go', async () => {
    const { clock, net } = network()
    const outsider = makeIdentity()
    const identities = net.nodes.map(({ identity }) => identity)
    net.chain.setConfig(CONTRACT, { identities: [...identities.slice(0, 3), outsider], f: 1, timing: FAST })
    net.chain.head_ += 2n
    await net.start()
    expect(
      await clock.run(20_000, () => net.nodes.slice(0, 3).every((node) => status(node).seqNr >= 2n)),
    ).toBe(true)
    expect(status(net.nodes[3] as MemoryNode).state).toBe('observer')
    net.chain.setConfig(CONTRACT, { identities: [outsider, ...identities.slice(1)], f: 1, timing: FAST })
    net.chain.head_ += 2n
    await clock.run(40_000, () => status(net.nodes[0] as MemoryNode).state === 'observer')
    expect(await clock.run(40_000, () => net.nodes.slice(1).every((node) => status(node).seqNr >= 3n))).toBe(
      true,
    )
    expect(net.nodes.map((node) => status(node).state)).toEqual(['observer', 'running', 'running', 'running'])
  })
})

describe('leaders', () => {
  it('follow the secret of the configuration: who has all that is public can not tell the next one', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, { ...FAST, deltaRound: 200, rMax: 1 })
    const config = await readQuorumConfig(net.chain, CONTRACT)
    const { consensus } = (net.nodes[0] as MemoryNode).identity.signers
    const secret = await openSecret(config.secret, 0, (key) => consensus.agree(key))
    const key = sha256(
      Buffer.concat([Buffer.from('iyi-quorum-leader'), hexToBytes(config.configDigest), secret]),
    )
    await net.start()
    const seen = new Map<number, number | null>()
    const enough = () => {
      for (const node of net.nodes)
        if (status(node).epoch > 0) seen.set(status(node).epoch, status(node).leader)
      return seen.size >= 12
    }
    expect(await clock.run(20_000, enough)).toBe(true)
    for (const [epoch, leader] of seen) expect(leader).toBe(leaderOf(key, epoch, 4))
  })
})

describe('a defect', () => {
  it('ends the instance, and it starts again from what is saved', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 3n))).toBe(true)
    let thrown = 0
    net.hub.onSend = (_channel, from) => {
      if (from === 0 && thrown++ === 0) throw new RangeError('a transport that throws')
    }
    expect(await clock.run(400, () => status(net.nodes[0] as MemoryNode).state === 'starting')).toBe(true)
    const goal = (seqNrs(net)[1] ?? 0n) + 5n
    expect(await clock.run(20_000, () => reached(net, goal))).toBe(true)
    expect(status(net.nodes[0] as MemoryNode).state).toBe('running')
  })

  it('in the database is refused, not guessed at', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 3n))).toBe(true)
    const [node] = net.nodes
    if (node === undefined) return
    await node.service.stop(new AbortController().signal)
    for (const [instance, snapshot] of node.store.snapshots) {
      node.store.snapshots.set(instance, { ...snapshot, committed: Uint8Array.of(1, 2, 3) })
    }
    net.reboot(node)
    await node.service.start()
    await clock.run(1_000)
    expect(status(node).state).toBe('refused')
  })
})

describe('stopping', () => {
  it('ends at the deadline even when a duty hangs', async () => {
    const { clock, net } = network({
      source: (node) => ({ onOutcome: () => (node === 0 ? new Promise(() => {}) : undefined) }),
    })
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 3n))).toBe(true)
    const deadline = new AbortController()
    const stopping = net.nodes[0]?.service.stop(deadline.signal)
    deadline.abort()
    await stopping
    expect(net.nodes[0]?.handles[0]?.status().state).toBe('stopped')
    running.splice(running.indexOf(net), 1)
    await Promise.all(net.nodes.slice(1).map(({ service }) => service.stop(new AbortController().signal)))
  })
})

describe('when the database fails', () => {
  it('no commit goes out before the certificate is written, and all goes on once it can be', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 2n))).toBe(true)
    const [node] = net.nodes
    if (node === undefined) return
    const said = new Set<string>()
    net.hub.onSend = (_channel, from, _to, bytes) => {
      const message = decodeMessage(bytes, QUORUM_LIMITS)
      const dependent = ['commit', 'report-signatures', 'epoch-start-request'].includes(message.kind)
      if (from === 0 && dependent && 'seqNr' in message) said.add(`${message.kind} ${message.seqNr}`)
    }
    await clock.run(1_000)
    const before = new Set(said)
    expect(before.size).toBeGreaterThan(2)
    node.store.failure = new Error('disk full')
    // From here on a sign of life is at most a repetition: the signatures under way when the disk failed are counted.
    await clock.run(4_000)
    const fresh = [...said].filter((each) => !before.has(each))
    expect(fresh).toEqual([])
    const stuckAt = status(node).seqNr
    expect(seqNrs(net)[1] ?? 0n).toBeGreaterThan(stuckAt + 2n)
    expect(node.service.health()).toMatchObject({ status: 'degraded' })
    node.store.failure = null
    const goal = (seqNrs(net)[1] ?? 0n) + 3n
    expect(await clock.run(20_000, () => reached(net, goal))).toBe(true)
    expect(node.service.health()).toMatchObject({ status: 'ok' })
  })
})

describe('when the signer fails', () => {
  it('tries again when that may help', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    const down = () => new SignerFailure('SIGNER_UNAVAILABLE', 'database away', { data: {}, retry: true })
    net.nodes[0]?.identity.signers.consensus.failNext.push(down(), down())
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 3n))).toBe(true)
    expect(
      [...(net.nodes[0]?.metrics.values.keys() ?? [])].filter((key) => key.includes('sign-refused')),
    ).toEqual([])
  })

  it('abstains on a conflict, counts it, and never throws', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 2n))).toBe(true)
    net.nodes[1]?.identity.signers.consensus.failNext.push(
      new SignerFailure('SIGNER_SLOT_CONFLICT', 'no', { data: {} }),
    )
    expect(await clock.run(10_000, () => reached(net, 6n))).toBe(true)
    expect(net.nodes[1]?.metrics.values.get('iyi_quorum_faults_total{test/median-0,sign-refused,self}')).toBe(
      1,
    )
  })
})

describe('when a duty misbehaves', () => {
  it('that hangs, rejects or throws costs its own observation and nothing else', async () => {
    const { clock, net } = network({
      source: (node) => ({
        observe: (seqNr) => {
          if (node === 2) throw new RangeError('no data')
          return 1000n * seqNr
        },
        onOutcome: () => {
          if (node === 1) throw new RangeError('plugin broken')
        },
      }),
    })
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 10n))).toBe(true)
    const faults = net.nodes[2]?.metrics.values.get(
      'iyi_quorum_faults_total{test/median-0,observe-failed,self}',
    )
    expect(faults).toBeGreaterThanOrEqual(9)
  })
})

describe('restart of everything', () => {
  it('goes on where it was', async () => {
    const { clock, net } = network()
    net.configure(CONTRACT, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 4n))).toBe(true)
    await net.stop()
    const before = seqNrs(net)
    for (const node of net.nodes) net.reboot(node)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 8n))).toBe(true)
    expect(before.every((seqNr) => seqNr < 8n)).toBe(true)
  })
})
