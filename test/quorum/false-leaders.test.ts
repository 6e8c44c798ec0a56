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

describe('two proposals for one round to the same validators', () => {
  const behaviour: Behaviour = {
    unguarded: true,
    outgoing: (node, _to, bytes, message) => {
      if (message.kind !== 'proposal' || message.observations.length < 4) return [bytes]
      const observations = message.observations.filter(({ oracle }) => oracle !== LIAR)
      return [bytes, proposalOf(node, { ...message, observations })]
    },
  }

  it.each([1, 2, 3])('the first one stands, and the leader is shown to have signed both, seed %i', (seed) => {
    const subject = world(seed, behaviour)
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    const shown = subject.honest().flatMap(({ offences }) => offences)
    expect(shown.some(({ statement }) => statement === 'proposal')).toBe(true)
    // Nobody so much as tries to prepare the second one.
    const refused = subject
      .honest()
      .flatMap(({ faults }) => faults.filter(({ code }) => code === 'sign-refused'))
    expect(refused).toEqual([])
  })
})

describe('rounds and proposals of a validator that does not lead', () => {
  /** It has heard the leader's proposal, and makes another one of it. */
  const behaviour: Behaviour = {
    unguarded: true,
    outgoing: (node, to, bytes, message) => {
      const heard = node.world.conspiracy.heard('proposal').at(-1)?.message
      if (message.kind !== 'prepare' || heard?.seqNr !== message.seqNr || heard.epoch !== message.epoch)
        return [bytes]
      const { epoch, seqNr } = message
      const query = u64Codec.encode(seqNr + 1n)
      node.say(to, encode({ kind: 'round-start', epoch, seqNr: seqNr + 1n, query, seal: null }))
      const observations = heard.observations.slice(1)
      if (observations.length < 3) return [bytes]
      return [proposalOf(node, { ...heard, observations }), bytes]
    },
  }

  it.each([1, 2, 3])('are its fault, and nobody follows them, seed %i', (seed) => {
    const subject = world(seed, behaviour)
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    const told = faultsOf(subject, 'not-leader').map(({ data }) => data.message)
    expect(told).toContain('proposal')
    expect(told).toContain('round-start')
    const split = subject
      .honest()
      .flatMap(({ faults }) => faults.filter(({ code }) => code === 'divergent-inputs'))
    expect(split).toEqual([])
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
