import { afterEach, describe, expect, it } from 'vitest'
import type { EvidenceRecord } from '../../node/ports/quorum.ts'
import { judgeOffence } from '../../node/quorum/offence.ts'
import { VirtualClock } from '../quorum/memory/clock.ts'
import { contractNumber, MemoryNetwork } from '../quorum/memory/network.ts'
import { type MedianOutcome, medianDuty, outcomeCodec, u64Codec } from '../quorum/simulation/median.ts'
import { FAST } from '../quorum/simulation/world.ts'
import { flood } from './kinds/flooding.ts'
import { adversaries, type Kind, kinds } from './kinds.ts'
import { dishonest } from './puppet.ts'

const CONTRACT = contractNumber(0)
/** Everybody leads within a few seconds. */
const TIMING = { ...FAST, deltaRound: 200, rMax: 3 }
const LIE = 900_000n
/** "As fast as it can" has no meaning in virtual time. */
const inVirtualTime = { ...adversaries, flooding: flood(20, 50) }

const running: MemoryNetwork[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

/** Validators in memory; node `i` is of the i-th kind, those without one are honest and see 1000, 1001, ... */
async function network(n: number, dishonesties: readonly Kind[]) {
  const clock = new VirtualClock()
  const net = new MemoryNetwork({
    n,
    clock,
    later: (run) => void clock.setTimer(2, run),
    duties: (node) => [
      medianDuty('test/median', CONTRACT, {
        query: (seqNr) => seqNr,
        observe: () => 1_000n + BigInt(node),
      }),
    ],
    between(transport, { unguarded }, node) {
      const kind = dishonesties[node]
      if (kind === undefined) return transport
      const lie = (observation: Uint8Array) => u64Codec.encode(u64Codec.decode(observation) + LIE)
      return dishonest(
        transport,
        { adversary: () => inVirtualTime[kind], sign: unguarded.consensus, lie },
        { clock },
      )
    },
  })
  running.push(net)
  net.configure(CONTRACT, Math.floor((n - 1) / 3), TIMING)
  await net.start()
  const honest = net.nodes.slice(dishonesties.length)
  const seqNrs = () => honest.map((node) => node.handles[0]?.status().seqNr ?? 0n)
  const records = () => honest.flatMap(({ store }) => [...store.records.values()])
  /** Counts of a metric at the honest, summed. */
  const counted = (name: string) =>
    honest.reduce(
      (sum, { metrics }) =>
        sum + [...metrics.values].reduce((at, [key, value]) => at + (key.startsWith(name) ? value : 0), 0),
      0,
    )
  const offences = async () =>
    (await Promise.all(honest.map(({ store }) => store.offences({ limit: 100 })))).flatMap(
      (found) => found.records,
    )
  return { clock, seqNrs, records, counted, offences }
}

const outcomeOf = ({ outcome }: EvidenceRecord): MedianOutcome => outcomeCodec.decode(outcome)

/** One outcome for each sequence number, and none outside what the honest saw. */
function safe(records: readonly EvidenceRecord[], n: number): void {
  const outcomes = new Map<bigint, bigint>()
  for (const record of records) {
    const { median } = outcomeOf(record)
    expect(outcomes.get(record.seqNr) ?? median).toBe(median)
    outcomes.set(record.seqNr, median)
    expect(median).toBeGreaterThanOrEqual(1_000n)
    expect(median).toBeLessThan(1_000n + BigInt(n))
  }
}

describe('two of seven', () => {
  const n = 7
  it.each(kinds)('%s: the others go on, and agree', async (kind) => {
    const { clock, seqNrs, records } = await network(n, [kind, kind])
    expect(await clock.run(120_000, () => seqNrs().every((seqNr) => seqNr >= 12n))).toBe(true)
    await clock.run(100)
    expect(records().length).toBeGreaterThan(12)
    safe(records(), n)
  })
})

describe('what the honest see of it', () => {
  const FAULT = 'iyi_quorum_faults_total{test/median'
  it.each<[Kind, string]>([
    ['equivocating', `${FAULT},divergent-inputs,unknown}`],
    ['forging', `${FAULT},bad-signature,0}`],
    ['flooding', `${FAULT},bad-message,0}`],
    ['replaying', 'iyi_quorum_dropped_total{test/median,stale}'],
  ])('%s: %s', async (kind, metric) => {
    const { clock, counted } = await network(4, [kind])
    expect(await clock.run(60_000, () => counted(metric) > 0)).toBe(true)
  })

  it('equivocating: bytes that convict it, and nobody else', async () => {
    const { clock, offences } = await network(4, ['equivocating'])
    let found = await offences()
    const statements = () => new Set(found.map(({ statement }) => statement))
    // When it leads is drawn anew with each network's secret.
    for (let i = 0; i < 60 && statements().size < 3; i++) {
      await clock.run(4_000)
      found = await offences()
    }
    expect(found.map((record) => judgeOffence(record))).toEqual(
      found.map(() => ({ valid: true, proof: 'self' })),
    )
    expect(statements()).toEqual(new Set(['proposal', 'prepare', 'commit']))
    expect(new Set(found.map(({ oracle }) => oracle))).toEqual(new Set([0]))
  })

  it('silent: an epoch without a round', async () => {
    const { clock, seqNrs, records } = await network(4, ['silent'])
    expect(await clock.run(120_000, () => seqNrs().every((seqNr) => seqNr >= 12n))).toBe(true)
    expect(records().map(({ leader }) => leader)).not.toContain(0)
  })

  it('lying: its observation in the evidence', async () => {
    const { clock, seqNrs, records } = await network(4, ['lying'])
    expect(await clock.run(120_000, () => seqNrs().every((seqNr) => seqNr >= 12n))).toBe(true)
    const lies = records().flatMap(({ observations }) =>
      observations.filter(({ oracle, observation }) => oracle === 0 && u64Codec.decode(observation) > LIE),
    )
    expect(lies.length).toBeGreaterThan(0)
  })
})
