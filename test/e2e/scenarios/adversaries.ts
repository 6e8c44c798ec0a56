import { beforeAll, expect, it } from 'vitest'
import type { Kind } from '../../adversary/kinds.ts'
import { clientOf, feedOf, moreRounds } from '../kit/chain.ts'
import type { Fleet } from '../kit/fleet.ts'
import { type Evidence, get, type OffenceView, offences, round, rounds } from '../kit/http.ts'
import { metric } from '../kit/metrics.ts'
import type { Network } from '../kit/network.ts'
import { setConfig } from '../kit/set-config.ts'
import { until } from '../kit/until.ts'
import { PRICE } from '../kit/validator.ts'
import { decodeEvidence, priceAtPins } from './evidence.ts'

/** Until the others have seen it: a leader's lies wait for its turn, of which there is one in every n epochs. */
const SEEN_MS = 120_000
/** Everybody leads within seconds, and a validator that is slow on a busy machine is heard all the same. */
const CONFIG = { rMax: 2, deltaGrace: 700 }

/** What the honest see of each kind. */
const traces: Readonly<Record<Kind, (witness: Witness, liar: number) => Promise<boolean>>> = {
  silent: async (witness, liar) => (await witness.leader()) === liar,
  withholding: async (witness, liar) => (await witness.leader()) === liar,
  lying: async (witness, liar) =>
    (await witness.evidence()).some(({ evidence }) =>
      evidence?.observations.some(({ oracle, accepted }) => oracle === liar && !accepted),
    ),
  equivocating: (witness, liar) => witness.holds(liar, 'equivocation'),
  forging: (witness, liar) => witness.holds(liar, 'bad-signature'),
  // Most of it falls at the transport, before the engine could call it a fault.
  flooding: async (witness, liar) =>
    (await witness.refused()) > 0 || (await witness.faults(liar, 'bad-message')) > 0,
  replaying: async (witness) => (await witness.dropped('stale')) > 20,
}

/** The honest validators, asked since an adversary began. */
interface Witness {
  leader(): Promise<number | null>
  /** Of rounds that the first of them has. */
  evidence(): Promise<Evidence[]>
  /** Evidence that others can check. */
  holds(oracle: number, offence: OffenceView['offence']): Promise<boolean>
  /** Counts of the first of them. */
  faults(oracle: number, code: string): Promise<number>
  /** Frames over quota, and connections closed for what came through them. */
  refused(): Promise<number>
  dropped(reason: string): Promise<number>
}

/**
 * The last f validators run the test build. `phases[i]` is what they are in the i-th phase, one kind each; `begin`
 * makes them so.
 */
export function adversaries(net: Network, fleet: Fleet, phases: readonly (readonly Kind[])[]): void {
  const liars = () => fleet.indices.slice(-fleet.f)
  const honest = () => fleet.indices.slice(0, -fleet.f)

  beforeAll(async () => {
    await setConfig(net, PRICE, CONFIG)
    await fleet.stop(liars())
    await fleet.start(
      Object.fromEntries(liars().map((index, at) => [index, phases.map((kinds) => kinds[at] ?? 'silent')])),
    )
  }, 200_000)

  it.each(phases.map((kinds, phase) => ({ kinds, phase, what: kinds.join(' and ') })))(
    'goes on beside validators that are $what',
    async ({ kinds, phase }) => {
      if (phase > 0) await Promise.all(liars().map((index) => fleet.next(index)))
      const { timestamp: since } = await clientOf(net, feedOf(net, PRICE).chainId).getBlock()
      const witness = await witnessOf(since)
      await Promise.all(
        liars().map((liar, at) =>
          until(
            `the others see that ${liar} is ${kinds[at]}`,
            () => traces[kinds[at] ?? 'silent'](witness, liar),
            { withinMs: SEEN_MS, everyMs: 400 },
          ),
        ),
      )
      await allGoOn()
      await onlyHonestAnswers(since, kinds)
    },
  )

  async function witnessOf(since: bigint): Promise<Witness> {
    const count = (name: string, labels: Record<string, string | number>) =>
      metric(fleet.admin(0), `iyi_quorum_${name}_total`, labels)
    const stale = await count('dropped', { reason: 'stale' })
    return {
      leader: async () => (await fleet.duty(0)).leader,
      evidence: () => evidenceOf(0, since),
      async holds(oracle, offence) {
        const held = await Promise.all(honest().map((index) => offences(fleet.api(index), { oracle })))
        return held.flat().some((record) => record.offence === offence)
      },
      faults: (oracle, code) => count('faults', { oracle, code }),
      refused: async () =>
        (await metric(fleet.admin(0), 'iyi_net_frames_over_quota_total')) +
        (await metric(fleet.admin(0), 'iyi_net_violations_total')),
      dropped: async (reason) => (await count('dropped', { reason })) - stale,
    }
  }

  /** Of rounds that began after this time of the chain. */
  async function evidenceOf(index: number, since: bigint): Promise<Evidence[]> {
    const newest = await rounds(fleet.api(index), PRICE, 20)
    const later = newest.filter((entry) => BigInt(entry.observationsTimestamp) > since)
    return Promise.all(later.map((entry) => round(fleet.api(index), PRICE, entry.round)))
  }

  async function allGoOn(): Promise<void> {
    const seqNr = async (index: number) => Number((await fleet.duty(index)).seqNr)
    const seqNrs = () =>
      until('the honest answer', () => Promise.all(honest().map(seqNr)), { withinMs: 30_000 })
    const before = await seqNrs()
    await moreRounds(net, PRICE, 2, 90_000)
    let now = before
    await until(
      'all of the honest go on',
      async () => {
        now = await seqNrs()
        return now.every((seqNr, at) => seqNr > (before[at] ?? 0) + 2)
      },
      { withinMs: 30_000, saw: () => `${before} -> ${now}` },
    )
  }

  /** What the honest see in common, computed from the chains; and nothing in it that the adversary has no part in. */
  async function onlyHonestAnswers(since: bigint, kinds: readonly Kind[]): Promise<void> {
    const proofs = await until(
      'a round that its evidence proves',
      async () => {
        const all = await Promise.all(honest().map((index) => evidenceOf(index, since)))
        const found = all
          .flat()
          .flatMap(({ answer, evidence, report, transmitter }) =>
            evidence === null || report === null ? [] : [{ answer, evidence, report, transmitter }],
          )
        return found.length > 0 && found
      },
      { withinMs: 30_000, everyMs: 500 },
    )
    const { data } = await get<{ data: { validators: { index: number; transmitter: string }[] }[] }>(
      `${fleet.api(0)}/v1/quorum`,
    )
    const accountOf = (index: number) =>
      data[0]?.validators.find((validator) => validator.index === index)?.transmitter.toLowerCase()
    for (const { answer, evidence, report, transmitter } of proofs) {
      const { pins } = decodeEvidence(evidence.encoded)
      expect(await priceAtPins(net, pins)).toBe(BigInt(answer))
      for (const [at, liar] of liars().entries()) {
        const kind = kinds[at]
        if (kind === 'silent' || kind === 'forging') expect(evidence.leader).not.toBe(liar)
        // What it transmits itself has its own signature, which it forges for others alone.
        const own = transmitter.toLowerCase() === accountOf(liar)
        if (kind === 'forging' && !own)
          expect(report.signatures.map(({ oracle }) => oracle)).not.toContain(liar)
      }
    }
  }
}
