import { describe, expect, it } from 'vitest'
import { type Certificate, decodeCertificate, rankOf } from '../../node/quorum/certificate.ts'
import type { MessageOf } from '../../node/quorum/messages.ts'
import type { CertificateRank } from '../../node/quorum/signed-bytes.ts'
import {
  encode,
  observationSignature,
  placeOf,
  proposalOf,
  rankSignature,
} from './simulation/adversaries/craft.ts'
import type { Behaviour } from './simulation/behaviour.ts'
import { MAX_VALUE, u64Codec } from './simulation/median.ts'
import type { SimNode } from './simulation/node.ts'
import { World } from './simulation/world.ts'

const LIAR = 1
type Start = MessageOf<'epoch-start'>

const startsWith = (change: (node: SimNode, start: Start) => Start): Behaviour => ({
  unguarded: true,
  outgoing: (node, _to, bytes, message) =>
    message.kind === 'epoch-start' && message.certificate !== null
      ? [encode(change(node, message))]
      : [bytes],
})

/** The start with another word of the liar's own, in its place among the true words of the others. */
function withOwnWord(
  node: SimNode,
  start: Start,
  rank: CertificateRank,
  certificate: Certificate | null,
): Start {
  const signature = rankSignature(node, node.index, start.epoch, rank)
  const others = start.proofs.filter(({ oracle }) => oracle !== node.index)
  const quorum = Math.floor((node.world.options.n + node.world.options.f) / 2) + 1
  const proofs = [...others.slice(0, quorum - 1), { oracle: node.index, rank, signature }]
  return { ...start, certificate, proofs: proofs.sort((a, b) => a.oracle - b.oracle) }
}

/** An outcome that nobody agreed on, under the liar's signatures alone. */
function counterfeit(node: SimNode): Certificate {
  const { epoch, seqNr } = placeOf(node)
  const signatures = [0, 1, 2].map((oracle) => ({ oracle, signature: node.world.random.bytes(64) }))
  const outcome = node.world.random.bytes(20)
  return { kind: 'commit', epoch, seqNr, inputsHash: new Uint8Array(32), outcome, signatures }
}

const FALSE_STARTS: Readonly<Record<string, Behaviour>> = {
  'a certificate below the highest of its words': startsWith((node, start) =>
    withOwnWord(node, start, { seqNr: 0n, committed: false, epoch: 0 }, null),
  ),
  'fewer than Q words': startsWith((node, start) => ({
    ...start,
    proofs: start.proofs.slice(-node.world.options.f - 1),
  })),
  'a certificate that is none': startsWith((node, start) => {
    const certificate = counterfeit(node)
    return withOwnWord(node, start, rankOf(certificate), certificate)
  }),
}

const world = (seed: number, behaviour: Behaviour) =>
  new World({ seed, n: 4, f: 1, timing: { rMax: 3 }, behaviours: { [LIAR]: behaviour } })
const faultsOf = (of: World, code: string) =>
  of.honest().flatMap(({ faults }) => faults.filter((fault) => fault.code === code && fault.oracle === LIAR))

describe.each(Object.entries(FALSE_STARTS))('an epoch start with %s', (_name, behaviour) => {
  it.each([1, 2, 3])('is refused, and the next leader begins, seed %i', (seed) => {
    const subject = world(seed, behaviour)
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(faultsOf(subject, 'bad-certificate').length).toBeGreaterThan(0)
  })
})

describe('a proposal with an observation that the duty refuses', () => {
  const behaviour: Behaviour = {
    unguarded: true,
    outgoing: (node, _to, bytes, message) => {
      if (message.kind !== 'proposal') return [bytes]
      const observation = u64Codec.encode(MAX_VALUE + 1n)
      const signature = observationSignature(node, node.index, message, message.query, observation)
      const observations = message.observations.map((each) =>
        each.oracle === node.index ? { oracle: node.index, observation, signature } : each,
      )
      return [proposalOf(node, { ...message, observations })]
    },
  }

  it.each([1, 2, 3])('is refused, however well it is signed, seed %i', (seed) => {
    const subject = world(seed, behaviour)
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(faultsOf(subject, 'bad-proposal').length).toBeGreaterThan(0)
  })
})

describe('a prepare certificate shown as that of an outcome', () => {
  const behaviour: Behaviour = {
    tick: (node) => {
      const bytes = node.disk.snapshot.certificate
      if (bytes === null) return
      const certificate = decodeCertificate(bytes, node.world.limits)
      for (let to = 0; to < 4; to++) node.say(to, encode({ kind: 'outcome-response', certificate }))
    },
  }

  it.each([1, 2, 3])('commits nothing, seed %i', (seed) => {
    const subject = world(seed, behaviour)
    // One validator hears of no commit otherwise.
    subject.network.link = (from, to) => from === LIAR || to !== 3
    expect(subject.run(60_000, () => faultsOf(subject, 'bad-certificate').length > 0)).toBe(true)
    subject.run(subject.now + 2_000)
    expect(subject.nodes[3]?.committedSeqNr).toBe(0n)
    subject.network.link = () => true
    expect(subject.run(subject.now + 60_000, () => subject.reached(20n))).toBe(true)
  })
})
