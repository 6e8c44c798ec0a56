import { compareRank, rankOf } from '../../../../node/quorum/certificate.ts'
import type { EpochStartProof, MessageOf } from '../../../../node/quorum/messages.ts'
import type { CertificateRank } from '../../../../node/quorum/signed-bytes.ts'
import type { Behaviour } from '../behaviour.ts'
import type { SimNode } from '../node.ts'
import { encode, proposalOf, rankSignature } from './craft.ts'

const GENESIS: CertificateRank = { seqNr: 0n, committed: false, epoch: 0 }

/**
 * The lowest start of an epoch that Q valid words allow: those of the honest validators that got least far, and of all
 * liars that they got nowhere. Null while too few have asked.
 */
function lowestStart(node: SimNode, epoch: number): Uint8Array | null {
  const { conspiracy, options } = node.world
  const quorum = Math.floor((options.n + options.f) / 2) + 1
  const requests = new Map<number, MessageOf<'epoch-start-request'>>()
  for (const { from, message } of node.world.conspiracy.heard('epoch-start-request')) {
    if (message.epoch === epoch && !conspiracy.members.has(from)) requests.set(from, message)
  }
  const own: EpochStartProof[] = [...conspiracy.members].map((oracle) => ({
    oracle,
    rank: GENESIS,
    signature: rankSignature(node, oracle, epoch, GENESIS),
  }))
  const others = [...requests]
    .sort(([, a], [, b]) => compareRank(a.rank, b.rank))
    .slice(0, Math.max(0, quorum - own.length))
  if (own.length + others.length < quorum) return null
  const highest = others.at(-1)?.[1] ?? null
  const proofs = [...own, ...others.map(([oracle, { rank, signature }]) => ({ oracle, rank, signature }))]
  proofs.sort((a, b) => a.oracle - b.oracle)
  return encode({ kind: 'epoch-start', epoch, certificate: highest?.certificate ?? null, proofs })
}

export const withholder: Behaviour = {
  about: 'as leader begins the epoch from as little as Q words allow',
  unguarded: true,
  outgoing: (node, _to, bytes, message) =>
    message.kind === 'epoch-start' ? [lowestStart(node, message.epoch) ?? bytes] : [bytes],
}

export const halfWithholder: Behaviour = {
  about: 'as leader begins the epoch differently for each half, both validly',
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    if (message.kind !== 'epoch-start' || node.world.conspiracy.side(to) === 0) return [bytes]
    return [lowestStart(node, message.epoch) ?? bytes]
  },
}

export const forgetter: Behaviour = {
  about: 'tells every leader that it never saw a certificate',
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'epoch-start-request') return [bytes]
    const signature = rankSignature(node, node.index, message.epoch, GENESIS)
    return [encode({ ...message, rank: GENESIS, certificate: null, signature })]
  },
}

/** One honest validator gets the last votes and commits alone; who leads next can't reach it. */
export const favourer: Behaviour = {
  about: 'sends its votes to one peer only, each round to another',
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    const votes = message.kind === 'prepare' || message.kind === 'commit'
    if (!votes) return [bytes]
    const favourite = Number((message.seqNr + BigInt(message.epoch)) % BigInt(node.world.options.n))
    return to === favourite || node.world.conspiracy.members.has(to) ? [bytes] : []
  },
}

export const commitKeeper: Behaviour = {
  about: 'prepares, but never commits, nor tells of outcomes',
  outgoing: (_node, _to, bytes, message) =>
    message.kind === 'commit' || message.kind === 'outcome-response' ? [] : [bytes],
}

export const proposalKeeper: Behaviour = {
  about: 'as leader shows its proposal to half of the validators',
  outgoing: (node, to, bytes, message) =>
    message.kind === 'proposal' && node.world.conspiracy.side(to) === 0 ? [] : [bytes],
}

export const selector: Behaviour = {
  about: 'as leader proposes too few observations: only those it likes',
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'proposal') return [bytes]
    return [
      proposalOf(node, { ...message, observations: message.observations.slice(0, 2 * node.world.options.f) }),
    ]
  },
}

export const amnesiac: Behaviour = {
  about: 'as leader pretends that nothing was ever prepared or committed, under forged signatures',
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'epoch-start' || compareRank(rankOf(message.certificate), GENESIS) === 0)
      return [bytes]
    const proofs = Array.from({ length: node.world.options.n }, (_, oracle) => ({
      oracle,
      rank: GENESIS,
      signature: rankSignature(node, oracle, message.epoch, GENESIS),
    }))
    return [encode({ ...message, certificate: null, proofs })]
  },
}
