import { bytesToHex, hexToBytes, keccak256 } from 'viem'
import { afterEach, describe, expect, it } from 'vitest'
import { quorumSize } from '../../node/quorum/certificate.ts'
import { reportContext, reportStatement } from '../../node/quorum/digest.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage, encodeMessage, type Message } from '../../node/quorum/messages.ts'
import { judgeOffence } from '../../node/quorum/offence.ts'
import { prepareSignedBytes } from '../../node/quorum/signed-bytes.ts'
import { VirtualClock } from './memory/clock.ts'
import { contractNumber, MemoryNetwork } from './memory/network.ts'
import type { Identity } from './memory/ports.ts'
import { medianDuty } from './simulation/median.ts'
import { FAST as BASE } from './simulation/world.ts'

/** Few rounds a second: the signatures are real ones. */
// Everybody leads now and then: the order is drawn anew for each network.
const FAST = { ...BASE, deltaRound: 1_500, deltaProgress: 6_000, rMax: 2 }
const CONTRACT = contractNumber(0)
const LIAR = 3

const running: MemoryNetwork[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

/** Four validators with real keys; what the last one sends is changed on its way. */
async function withLiar(
  lie: (message: Message, liar: Identity, digest: Uint8Array, to: number) => readonly Message[],
) {
  const clock = new VirtualClock()
  const net = new MemoryNetwork({
    n: 4,
    clock,
    later: (run) => void clock.setTimer(2, run),
    duties: (node) => [
      medianDuty('test/median', CONTRACT, {
        query: (seqNr) => seqNr,
        observe: (seqNr) => 1000n * seqNr + BigInt(node),
        shouldTransmit: () => false,
      }),
    ],
  })
  running.push(net)
  net.configure(CONTRACT, 1, FAST)
  const digestHex = net.chain.configs.get(CONTRACT.address)?.digest ?? '0x'
  const liar = net.nodes[LIAR]?.identity as Identity
  net.hub.tamper = (from, to, bytes) => {
    if (from !== LIAR) return [bytes]
    const messages = lie(decodeMessage(bytes, QUORUM_LIMITS), liar, hexToBytes(digestHex), to)
    return messages.map((message) => encodeMessage(message, QUORUM_LIMITS))
  }
  await net.start()
  const honest = net.nodes.slice(0, LIAR)
  const committed = () => honest.map((node) => node.handles[0]?.status().seqNr ?? 0n)
  expect(await clock.run(60_000, () => committed().every((seqNr) => seqNr >= 8n))).toBe(true)
  await clock.run(2_000)
  const offences = await Promise.all(
    honest.map(async ({ store }) => (await store.offences({ limit: 100 })).records),
  )
  return { net, honest, offences: offences.flat() }
}

describe('a validator that lies, with real keys', () => {
  it('and votes twice: is shown to have, by records that anybody can check', async () => {
    const { offences } = await withLiar((message, liar, digest) => {
      if (message.kind !== 'prepare') return [message]
      const other = new Uint8Array(32).fill(9)
      const at = { digest, epoch: message.epoch, seqNr: message.seqNr }
      const signature = liar.unguarded.consensus(prepareSignedBytes(at, message.inputsHash, other))
      return [message, { ...message, outcomeHash: other, signature }]
    })
    const caught = offences.filter(({ offence }) => offence === 'equivocation')
    expect(caught.length).toBeGreaterThan(0)
    for (const record of caught) {
      expect(record).toMatchObject({ oracle: LIAR, statement: 'prepare', dutyId: 'test/median' })
      expect(judgeOffence(record)).toEqual({ valid: true, proof: 'self' })
    }
    expect(offences.every(({ oracle }) => oracle === LIAR)).toBe(true)
  })

  it('and signs two reports for one place: is shown to have, in the form that a contract judges', async () => {
    const { offences } = await withLiar((message, liar, digest) => {
      if (message.kind !== 'report-signatures') return [message]
      const [report] = message.reports
      if (report === undefined) return [message]
      const other = new Uint8Array(32).fill(1)
      const context = reportContext(bytesToHex(digest), message.seqNr, 0, bytesToHex(report.extraHash))
      const hash = keccak256(reportStatement(bytesToHex(other), context))
      const signature = liar.unguarded.report(hexToBytes(hash))
      return [message, { ...message, reports: [{ ...report, reportHash: other, signature }] }]
    })
    const caught = offences.filter(({ offence }) => offence === 'equivocation')
    expect(caught.length).toBeGreaterThan(0)
    for (const record of caught) {
      expect(record).toMatchObject({ oracle: LIAR, statement: 'report' })
      expect(judgeOffence(record)).toEqual({ valid: true, proof: 'self' })
      const [a, b] = record.statements.map(({ bytes }) => bytesToHex(bytes))
      // keccak256(report) || configDigest || epochAndRound || extraHash: the middle is the same, the report is not.
      expect(a?.slice(66, 194)).toBe(b?.slice(66, 194))
      expect(a?.slice(0, 66)).not.toBe(b?.slice(0, 66))
    }
  })

  it('and claims another report under a signature that is not for it: nothing is proven of it', async () => {
    const { offences } = await withLiar((message) => {
      if (message.kind !== 'report-signatures') return [message]
      const [report] = message.reports
      if (report === undefined) return [message]
      return [message, { ...message, reports: [{ ...report, reportHash: new Uint8Array(32).fill(1) }] }]
    })
    expect(offences.filter(({ offence }) => offence === 'equivocation')).toEqual([])
  })

  it('and hides the second vote behind forgeries: is shown to have all the same', async () => {
    const { offences } = await withLiar((message, liar, digest) => {
      if (message.kind !== 'prepare') return [message]
      const at = { digest, epoch: message.epoch, seqNr: message.seqNr }
      const vote = (byte: number, sign: boolean) => {
        const outcomeHash = new Uint8Array(32).fill(byte)
        const signature = sign
          ? liar.unguarded.consensus(prepareSignedBytes(at, message.inputsHash, outcomeHash))
          : new Uint8Array(64).fill(byte)
        return { ...message, outcomeHash, signature }
      }
      return [message, vote(1, false), vote(2, true)]
    })
    expect(offences.some(({ offence }) => offence === 'equivocation')).toBe(true)
  })

  it('and forges signatures: is counted, shown, and does not stop the others', async () => {
    const { honest, offences } = await withLiar((message) =>
      'signature' in message ? [{ ...message, signature: new Uint8Array(64).fill(1) }] : [message],
    )
    expect(offences.length).toBeGreaterThan(0)
    for (const record of offences) {
      expect(record).toMatchObject({ oracle: LIAR, offence: 'bad-signature' })
      expect(judgeOffence(record)).toEqual({ valid: true, proof: 'witness' })
    }
    const faults = honest.map((node) => node.handles[0]?.status().oracles[LIAR]?.participation.faults)
    expect(faults.some((each) => (each?.['bad-signature'] ?? 0) > 0)).toBe(true)
  })

  it('and floods with forgeries: few of them are kept', async () => {
    const { offences } = await withLiar((message) =>
      message.kind === 'commit' || message.kind === 'prepare'
        ? Array.from({ length: 40 }, (_, i) => ({ ...message, signature: new Uint8Array(64).fill(i) }))
        : [message],
    )
    const perNode = offences.length / 3
    expect(perNode).toBeLessThanOrEqual(64)
  })
})

describe('participation', () => {
  it('tells who takes part, who is late, and who is not there', async () => {
    const { honest } = await withLiar((message) =>
      // As if it were slow: neither observations nor votes of it arrive.
      message.kind === 'observation' || message.kind === 'prepare' ? [] : [message],
    )
    const status = honest[0]?.handles[0]?.status()
    const [self, other, , silent] = status?.oracles.map(({ participation }) => participation) ?? []
    expect(self?.rounds).toBeGreaterThanOrEqual(5)
    expect(self?.voted).toBe(self?.rounds)
    expect(other?.observed).toBeGreaterThanOrEqual((other?.rounds ?? 0) - 1)
    expect(other?.latenessMs?.mean).toBeGreaterThanOrEqual(0)
    expect(silent).toMatchObject({ voted: 0, latenessMs: null })
    // As leader it observes without a message.
    expect(silent?.observed).toBeLessThan(silent?.rounds ?? 0)
    expect(status?.requiredSignatures).toBe(2)
    expect(quorumSize(4, 1)).toBe(3)
  })
})
