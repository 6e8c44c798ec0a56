import { zeroHash } from 'viem'
import { describe, expect, it } from 'vitest'
import { IyiError } from '../../node/ports/errors.ts'
import type { ContractRef, Report } from '../../node/ports/quorum.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage } from '../../node/quorum/messages.ts'
import { VirtualClock } from './memory/clock.ts'
import { contractNumber, MemoryNetwork } from './memory/network.ts'
import { SignerFailure } from './memory/ports.ts'
import { medianDuty } from './simulation/median.ts'
import { FAST } from './simulation/world.ts'

const HOME = contractNumber(0)
const ABROAD: ContractRef = contractNumber(1)

function report(contract: ContractRef, value: number): Report {
  return { contract, payload: Uint8Array.of(value), extraHash: zeroHash }
}

/** Four validators with a destination abroad, and what may be made to go wrong. */
function network(make: (seqNr: bigint, node: number) => readonly Report[], timing = FAST) {
  const clock = new VirtualClock()
  const world = { work: true }
  const net = new MemoryNetwork({
    n: 4,
    clock,
    later: (run) => void clock.setTimer(2, run),
    duties: (node) => [
      {
        ...medianDuty('test/median', HOME, {
          query: (seqNr) => (world.work ? seqNr : null),
          observe: (seqNr) => seqNr,
        }),
        destinations: [ABROAD],
        reports: ({ seqNr }) => make(seqNr, node),
      },
    ],
  })
  net.configure(HOME, 1, timing)
  const statuses = () =>
    net.nodes.map(({ handles: [handle] }) => {
      if (handle === undefined) throw new RangeError('no duty')
      return handle.status()
    })
  const seqNr = () => statuses()[0]?.seqNr ?? 0n
  return { clock, net, world, statuses, seqNr }
}

const both = () => [report(HOME, 1), report(ABROAD, 2)]

function isReportSignatures(bytes: Uint8Array): boolean {
  return decodeMessage(bytes, QUORUM_LIMITS).kind === 'report-signatures'
}

describe('reports that could not be signed at once', () => {
  it('of a destination, are signed after a restart of everybody', async () => {
    const { clock, net, world, statuses, seqNr } = network(both)
    net.configure(ABROAD, 1, FAST)
    await net.start()
    expect(await clock.run(20_000, () => statuses().every((status) => status.seqNr >= 3n))).toBe(true)
    net.hub.tamper = (_from, _to, bytes) => (isReportSignatures(bytes) ? [] : [bytes])
    const from = seqNr()
    expect(await clock.run(20_000, () => seqNr() >= from + 2n)).toBe(true)
    world.work = false
    await clock.run(1_000)
    const last = seqNr()
    await net.stop()
    net.hub.tamper = (_from, _to, bytes) => [bytes]
    for (const node of net.nodes) net.reboot(node)
    const signed = new Set<string>()
    net.hub.onSend = (_channel, _from, _to, bytes) => {
      const message = decodeMessage(bytes, QUORUM_LIMITS)
      if (message.kind !== 'report-signatures') return
      for (const { index } of message.reports) signed.add(`${message.seqNr}/${index}`)
    }
    await net.start()
    const found = await clock.run(20_000, () => signed.has(`${last}/0`) && signed.has(`${last}/1`))
    expect([...signed]).toContain(`${last}/1`)
    expect(found).toBe(true)
    await net.stop()
  })

  it('are signed once the signers answer again', async () => {
    const { clock, net, world, statuses, seqNr } = network(() => [report(HOME, 1)])
    await net.start()
    expect(await clock.run(20_000, () => statuses().every((status) => status.seqNr >= 2n))).toBe(true)
    for (const { identity } of net.nodes.slice(0, 3))
      for (let i = 0; i < 6; i++)
        identity.signers.report.failNext.push(
          new SignerFailure('SIGNER_UNAVAILABLE', 'the database is away', { data: {}, retry: true }),
        )
    const from = seqNr()
    expect(await clock.run(5_000, () => seqNr() > from)).toBe(true)
    world.work = false
    const last = from + 1n
    const recorded = () =>
      net.nodes.some(({ store }) => [...store.records.values()].some((record) => record.seqNr === last))
    expect(await clock.run(30_000, recorded)).toBe(true)
    await net.stop()
  })

  it('are answered when they are asked for by one who knows a destination more than the others', async () => {
    const { clock, net, world, statuses, seqNr } = network(both)
    const [first, ...others] = net.nodes
    for (const node of others) await node.service.start()
    await clock.run(100)
    // The others look for it again in 15 s.
    net.configure(ABROAD, 1, FAST)
    await first?.service.start()
    expect(await clock.run(12_000, () => statuses().every((status) => status.seqNr >= 2n))).toBe(true)
    expect(statuses().map(({ destinations: [abroad] }) => abroad?.configDigest === null)).toEqual([
      false,
      true,
      true,
      true,
    ])
    net.hub.tamper = (_from, to, bytes) => (to === 0 && isReportSignatures(bytes) ? [] : [bytes])
    const from = seqNr()
    expect(await clock.run(5_000, () => seqNr() > from)).toBe(true)
    world.work = false
    await clock.run(500)
    const last = seqNr()
    net.hub.tamper = (_from, _to, bytes) => [bytes]
    const attested = () => [...(first?.store.records.values() ?? [])].some((record) => record.seqNr === last)
    expect(await clock.run(3_000, attested)).toBe(true)
    await net.stop()
  })
})

it('what is known of a destination outlives an instance that breaks while its provider is away', async () => {
  const { clock, net, statuses } = network(both)
  net.configure(ABROAD, 1, FAST)
  await net.start()
  const known = () => statuses().map(({ destinations: [abroad] }) => abroad?.configDigest ?? null)
  expect(await clock.run(5_000, () => known().every((digest) => digest !== null))).toBe(true)
  const before = known()
  const call = net.chain.call.bind(net.chain)
  net.chain.call = async (chainId, request) => {
    if (request.to.toLowerCase() === ABROAD.address.toLowerCase())
      throw new IyiError('CHAIN_UNAVAILABLE', 'away', { data: {}, retry: true })
    return call(chainId, request)
  }
  const broken = new Set<number>()
  net.hub.onSend = (_channel, from) => {
    if (broken.has(from)) return
    broken.add(from)
    throw new RangeError('once')
  }
  expect(await clock.run(20_000, () => broken.size === 4)).toBe(true)
  expect(await clock.run(20_000, () => statuses().every(({ state }) => state === 'running'))).toBe(true)
  await clock.run(2_000)
  expect(known()).toEqual(before)
  await net.stop()
})

it('a signer slower than the rounds is not left with a queue of rounds long over', async () => {
  const { clock, net, statuses } = network(() => [], { ...FAST, rMax: 1000 })
  const signer = net.nodes[3]?.identity.signers.consensus
  if (signer === undefined) throw new RangeError('no signer')
  const sign = signer.sign.bind(signer)
  let tookMs = 150
  signer.sign = async (slot, payload) => {
    await new Promise<void>((resolve) => void clock.setTimer(tookMs, resolve))
    return sign(slot, payload)
  }
  await net.start()
  await clock.run(60_000)
  expect(statuses()[3]?.ownFaults).toEqual({})
  await net.nodes[0]?.service.stop(AbortSignal.abort())
  await clock.run(1_500)
  const at = statuses()[1]?.seqNr ?? 0n
  // Now the slow one is needed.
  expect(await clock.run(12_000, () => (statuses()[1]?.seqNr ?? 0n) > at)).toBe(true)
  // What it signs just now must end.
  tookMs = 0
  await clock.run(1_000)
  await net.stop()
})

describe('a duty with a fault of its own', () => {
  it('makes a report with a hash that is none: a fault, and the network goes on', async () => {
    const { clock, net, statuses } = network((seqNr) =>
      seqNr === 3n ? [{ ...report(HOME, 1), extraHash: '0x01' }] : [report(HOME, 1)],
    )
    await net.start()
    expect(await clock.run(30_000, () => statuses().every((status) => status.seqNr >= 6n))).toBe(true)
    expect(statuses().map(({ ownFaults }) => ownFaults['reports-failed'])).toEqual([1, 1, 1, 1])
    await net.stop()
  })

  it('blames nobody when its own reports fail', async () => {
    const { clock, net, statuses } = network((_seqNr, node) => {
      if (node === 0) throw new RangeError('broken here')
      return [report(HOME, 1)]
    })
    await net.start()
    expect(await clock.run(30_000, () => statuses().every((status) => status.seqNr >= 5n))).toBe(true)
    const [status] = statuses()
    expect(status?.ownFaults['reports-failed']).toBeGreaterThan(0)
    expect(status?.oracles.map(({ participation }) => participation.faults)).toEqual([{}, {}, {}, {}])
    await net.stop()
  })
})
