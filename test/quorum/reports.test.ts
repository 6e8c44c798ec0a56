import { decodeFunctionData, hexToBytes, keccak256, recoverAddress, zeroHash } from 'viem'
import { afterEach, describe, expect, it } from 'vitest'
import type { ContractRef, Duty } from '../../node/ports/quorum.ts'
import { OCR2_ABI } from '../../node/quorum/config.ts'
import { reportStatement } from '../../node/quorum/digest.ts'
import { VirtualClock } from './memory/clock.ts'
import { contractNumber, MemoryNetwork, type MemoryNode } from './memory/network.ts'
import { makeIdentity } from './memory/ports.ts'
import { type MedianOutcome, medianDuty } from './simulation/median.ts'
import { FAST as BASE } from './simulation/world.ts'

/** Few rounds a second: the signatures are real ones. */
const FAST = { ...BASE, deltaRound: 1_500, deltaProgress: 6_000 }
const HOME = contractNumber(0)
const ABROAD: ContractRef = { ...contractNumber(1), chainId: 31338 }

type MedianDuty = Duty<bigint, bigint, MedianOutcome>
const running: MemoryNetwork[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

function network(n: number, change: (duty: MedianDuty) => Partial<MedianDuty>) {
  const clock = new VirtualClock()
  const net = new MemoryNetwork({
    n,
    clock,
    later: (run) => void clock.setTimer(2, run),
    duties: (node) => {
      const duty = medianDuty('test/median', HOME, {
        query: (seqNr) => seqNr,
        observe: (seqNr) => 1000n * seqNr + BigInt(node),
      })
      return [{ ...duty, ...change(duty) }]
    },
  })
  running.push(net)
  return { clock, net }
}

const status = (node: MemoryNode | undefined) => node?.handles[0]?.status()
const reached = (net: MemoryNetwork, seqNr: bigint) =>
  net.nodes.every((node) => (status(node)?.seqNr ?? 0n) >= seqNr)
const report = (contract: ContractRef, byte: number) => ({
  contract,
  payload: Uint8Array.of(byte),
  extraHash: zeroHash,
})

/** What went out, with its arguments decoded and its signers recovered. */
async function transmissions(net: MemoryNetwork) {
  const sent = net.nodes.flatMap(({ sender }) => sender.sent)
  return await Promise.all(
    sent.map(async ({ chainId, to, data }) => {
      const { args } = decodeFunctionData({ abi: OCR2_ABI, data })
      const [context, payload, rs, ss, rawVs] = args as never as [
        readonly [`0x${string}`, `0x${string}`, `0x${string}`],
        `0x${string}`,
        readonly `0x${string}`[],
        readonly `0x${string}`[],
        `0x${string}`,
      ]
      const hash = keccak256(reportStatement(keccak256(payload), context))
      const vs = hexToBytes(rawVs)
      const signers = await Promise.all(
        rs.map((r, i) => recoverAddress({ hash, signature: { r, s: ss[i] ?? '0x', yParity: vs[i] ?? 0 } })),
      )
      return { chainId, to, digest: context[0], epochAndRound: BigInt(context[1]), payload, signers }
    }),
  )
}

describe('a duty that wants Q signatures', () => {
  it('gets floor((n+f)/2)+1 distinct ones on every report', async () => {
    const { clock, net } = network(5, () => ({ signatures: 'quorum' }))
    net.configure(HOME, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 4n))).toBe(true)
    await clock.run(10_000)
    expect(status(net.nodes[0])?.requiredSignatures).toBe(4)
    const sent = await transmissions(net)
    expect(sent.length).toBeGreaterThan(3)
    const members = net.nodes.map(({ identity }) => identity.signers.report.address)
    for (const { signers } of sent) {
      expect(signers).toHaveLength(4)
      expect(new Set(signers).size).toBe(4)
      for (const signer of signers) expect(members).toContain(signer)
    }
  })

  it('gets no report attested while fewer than Q sign', async () => {
    const { clock, net } = network(4, () => ({ signatures: 'quorum' }))
    net.configure(HOME, 1, FAST)
    // Two of four sign no reports; they take part in everything else.
    for (const { identity } of net.nodes.slice(2))
      identity.signers.report.sign = () => Promise.reject(new RangeError('no'))
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 6n))).toBe(true)
    await clock.run(10_000)
    expect(net.nodes.flatMap(({ sender }) => sender.sent)).toEqual([])
  })
})

describe('several reports of one outcome', () => {
  it('for one contract go out in their order, each with its own round', async () => {
    const { clock, net } = network(4, () => ({
      reports: () => [report(HOME, 1), report(HOME, 2), report(HOME, 3)],
    }))
    net.configure(HOME, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 5n))).toBe(true)
    await clock.run(10_000)
    let seen = 0
    for (const node of net.nodes) {
      const own = await transmissions({ nodes: [node] } as unknown as MemoryNetwork)
      const bySeq = Map.groupBy(own, ({ epochAndRound }) => epochAndRound >> 8n)
      for (const reports of bySeq.values()) {
        expect(reports.map(({ epochAndRound }) => Number(epochAndRound & 0xffn))).toEqual([0, 1, 2])
        expect(reports.map(({ payload }) => payload)).toEqual(['0x01', '0x02', '0x03'])
        seen++
      }
    }
    expect(seen).toBeGreaterThan(3)
  })

  it('goes on with the next one when a report is refused', async () => {
    const { clock, net } = network(4, () => ({
      reports: () => [report(HOME, 1), report(HOME, 2)],
      shouldTransmit: async (_ctx, { payload }) => {
        if (payload[0] === 1) throw new RangeError('the first one can not be judged')
        return true
      },
    }))
    net.configure(HOME, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 5n))).toBe(true)
    await clock.run(30_000)
    const sent = await transmissions(net)
    expect(sent.length).toBeGreaterThan(0)
    expect(new Set(sent.map(({ payload }) => payload))).toEqual(new Set(['0x02']))
  })
})

describe('reports for contracts on different chains', () => {
  const both = () => ({
    destinations: [ABROAD],
    reports: () => [report(HOME, 1), report(ABROAD, 2)],
  })

  it('are signed for the configuration of the contract that they go to', async () => {
    const { clock, net } = network(4, both)
    net.configure(HOME, 1, FAST)
    net.configure(ABROAD, 1, FAST)
    const digests = [HOME, ABROAD].map(({ address }) => net.chain.configs.get(address.toLowerCase())?.digest)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 4n))).toBe(true)
    await clock.run(10_000)
    const sent = await transmissions(net)
    const members = new Set(net.nodes.map(({ identity }) => identity.signers.report.address))
    for (const contract of [HOME, ABROAD]) {
      const there = sent.filter(({ chainId, to }) => chainId === contract.chainId && to === contract.address)
      expect(there.length).toBeGreaterThan(2)
      for (const { digest, signers, epochAndRound } of there) {
        expect(digest).toBe(digests[contract === HOME ? 0 : 1])
        expect(signers.every((signer) => members.has(signer))).toBe(true)
        expect(Number(epochAndRound & 0xffn)).toBe(contract === HOME ? 0 : 1)
      }
    }
    expect(digests[0]).not.toBe(digests[1])
  })

  it('never hold up the quorum: a destination that is not configured, or otherwise, gets none until it is', async () => {
    const { clock, net } = network(4, both)
    net.configure(HOME, 1, FAST)
    await net.start()
    expect(await clock.run(10_000, () => reached(net, 2n))).toBe(true)
    const destination = () => status(net.nodes[0])?.destinations[0]
    expect(destination()).toMatchObject({ configDigest: null, reason: expect.any(String) })
    expect(net.nodes[0]?.service.health()).toMatchObject({ status: 'degraded' })
    const identities = net.nodes.map(({ identity }) => identity)
    net.chain.setConfig(ABROAD, {
      identities: [...identities.slice(0, 3), makeIdentity()],
      f: 1,
      timing: FAST,
    })
    net.chain.head_ += 2n
    await clock.run(20_000)
    expect(destination()).toMatchObject({ configDigest: null, reason: expect.stringMatching(/signers/) })
    expect(status(net.nodes[0])?.state).toBe('running')
    const before = await transmissions(net)
    expect(before.length).toBeGreaterThan(0)
    expect(before.every(({ chainId }) => chainId === HOME.chainId)).toBe(true)
    net.configure(ABROAD, 1, FAST)
    await clock.run(25_000)
    expect(destination()).toEqual({ contract: ABROAD, configDigest: expect.any(String) })
    expect(net.nodes[0]?.service.health()).toMatchObject({ status: 'ok' })
    expect((await transmissions(net)).some(({ chainId }) => chainId === ABROAD.chainId)).toBe(true)
  })

  it('follow a new configuration of the destination, and nobody is accused meanwhile', async () => {
    const { clock, net } = network(4, both)
    net.configure(HOME, 1, FAST)
    net.configure(ABROAD, 1, FAST)
    // They look at different times, so for a while they sign for different configurations.
    for (const { service } of net.nodes) {
      await service.start()
      await clock.run(3_000)
    }
    expect(await clock.run(20_000, () => reached(net, 2n))).toBe(true)
    const { configDigest: home, seqNr: before = 0n } = status(net.nodes[0]) ?? {}
    net.chain.head_ += 1n
    net.configure(ABROAD, 1, { ...FAST, rMax: 99 })
    const digest = net.chain.configs.get(ABROAD.address.toLowerCase())?.digest
    await clock.run(40_000)
    const sent = await transmissions(net)
    const there = sent.filter(({ chainId }) => chainId === ABROAD.chainId)
    expect(there.at(-1)?.digest).toBe(digest)
    // The quorum is the same one, and never stopped.
    expect(status(net.nodes[0])?.configDigest).toBe(home)
    expect(status(net.nodes[0])?.seqNr).toBeGreaterThan(before)
    for (const { store, handles } of net.nodes) {
      expect((await store.offences({ limit: 100 })).records).toEqual([])
      for (const { participation } of handles[0]?.status().oracles ?? [])
        expect(participation.faults).toEqual({})
    }
  })

  it('go on to the home contract when it is configured anew and the destination is not', async () => {
    const { clock, net } = network(4, both)
    net.configure(HOME, 1, FAST)
    net.configure(ABROAD, 1, FAST)
    await net.start()
    expect(await clock.run(40_000, () => reached(net, 10n))).toBe(true)
    net.chain.head_ += 1n
    net.configure(HOME, 1, { ...FAST, rMax: 99 })
    const digest = net.chain.configs.get(HOME.address.toLowerCase())?.digest
    const renewed = () => net.nodes.every((node) => status(node)?.configDigest === digest)
    expect(await clock.run(40_000, renewed)).toBe(true)
    expect(await clock.run(20_000, () => reached(net, 3n))).toBe(true)
    await clock.run(3_000)
    // The destination's numbers are behind what was signed for it: the guard refuses, and the home contract is served.
    const sent = await transmissions(net)
    expect(sent.some((each) => each.digest === digest)).toBe(true)
    expect(status(net.nodes[0])?.ownFaults['sign-refused']).toBeGreaterThan(0)
  })

  it('that the duty did not name are its fault, and nothing is signed', async () => {
    const { clock, net } = network(4, () => ({ reports: () => [report(ABROAD, 1)] }))
    net.configure(HOME, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => reached(net, 3n))).toBe(true)
    await clock.run(5_000)
    expect(net.nodes.flatMap(({ sender }) => sender.sent)).toEqual([])
    expect(status(net.nodes[0])?.ownFaults['reports-failed']).toBeGreaterThan(0)
  })
})
