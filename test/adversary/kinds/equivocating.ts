import type { Message, MessageOf } from '../../../node/quorum/messages.ts'
import {
  commitSignedBytes,
  inputsBytes,
  observationSignedBytes,
  PREFIX_BYTES,
  prepareSignedBytes,
  proposalSignedBytes,
  sha256,
  signatureListBytes,
} from '../../../node/quorum/signed-bytes.ts'
import type { Adversary, Puppet } from '../puppet.ts'

type Vote = MessageOf<'prepare'>
type Proposal = MessageOf<'proposal'>

/**
 * As leader shows two proposals, which differ in its own observation, signed twice: one first to half of the others, the
 * other first to the rest. And whoever leads, votes for whatever anybody voted for.
 */
export const equivocating: Adversary = (puppet) => {
  let heard: { from: number; vote: Vote }[] = []
  let committed: MessageOf<'commit'> | null = null
  return {
    outgoing(message, to) {
      if (message.kind === 'commit') committed = message
      if (message.kind !== 'proposal') return [message]
      const first = message.seqNr === 1n
      if (!first && committed?.seqNr !== message.seqNr - 1n) return [message]
      const both = [message, twin(puppet, message, first ? null : (committed?.outcomeHash ?? null))]
      return to % 2 === 0 ? both : both.reverse()
    },
    incoming(message, from) {
      if (message.kind !== 'prepare') return
      heard = heard.filter(({ vote }) => vote.seqNr === message.seqNr && vote.epoch === message.epoch)
      // Once: two of this kind would answer each other for ever.
      if (heard.some((each) => each.from === from && same(each.vote, message))) return
      const others = heard.filter(({ vote }) => !same(vote, message))
      heard.push({ from, vote: message })
      // What a peer stands for comes first: it counts the first vote of each.
      const votes = [message, ...others.map(({ vote }) => vote)].flatMap((vote) => votesLike(puppet, vote))
      for (const vote of votes) puppet.say(from, vote)
      for (const other of others) for (const vote of votesLike(puppet, message)) puppet.say(other.from, vote)
    },
  }
}

function twin(
  { self, digest, sign, lie }: Puppet,
  proposal: Proposal,
  previous: Uint8Array | null,
): Proposal {
  const { epoch, seqNr, query } = proposal
  const at = { digest, epoch, seqNr }
  const observations = proposal.observations.map((entry) => {
    if (entry.oracle !== self) return entry
    const observation = lie(entry.observation)
    return { ...entry, observation, signature: sign(observationSignedBytes(at, query, observation)) }
  })
  // The hash of the previous outcome, which others' votes told, in the place of that of nothing: after the query's.
  const inputs = inputsBytes(at, query, previous === null ? null : new Uint8Array(), observations)
  if (previous !== null) inputs.set(previous, PREFIX_BYTES + 32 + 1)
  const signatures = sha256(signatureListBytes(observations))
  return { ...proposal, observations, signature: sign(proposalSignedBytes(at, sha256(inputs), signatures)) }
}

function votesLike({ digest, sign }: Puppet, vote: Vote): Message[] {
  const { epoch, seqNr, inputsHash, outcomeHash } = vote
  const at = { digest, epoch, seqNr }
  return [
    { ...vote, signature: sign(prepareSignedBytes(at, inputsHash, outcomeHash)) },
    { kind: 'commit', epoch, seqNr, outcomeHash, signature: sign(commitSignedBytes(at, outcomeHash)) },
  ]
}

function same(a: Vote, b: Vote): boolean {
  return (
    Buffer.compare(a.inputsHash, b.inputsHash) === 0 && Buffer.compare(a.outcomeHash, b.outcomeHash) === 0
  )
}
