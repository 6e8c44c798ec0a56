import type { MessageOf } from '../../../../node/quorum/messages.ts'
import type { Behaviour } from '../behaviour.ts'
import type { SimNode } from '../node.ts'
import {
  commitOf,
  encode,
  observationSignature,
  once,
  placeOf,
  prepareOf,
  proposalOf,
  sayToAll,
} from './craft.ts'

/** Votes that were answered already, by node. */
const answered = new WeakMap<SimNode, WeakSet<object>>()

/** Whatever a peer votes for, this node votes for as well, towards that peer. */
function echo(node: SimNode): void {
  const done = answered.get(node) ?? new WeakSet()
  answered.set(node, done)
  for (const { from, message } of node.world.conspiracy.heard('prepare')) {
    // Now and then again: the first answer may have got lost, or come too early.
    if (done.has(message) && !node.world.random.chance(0.02)) continue
    done.add(message)
    node.say(from, prepareOf(node, message))
    node.say(from, commitOf(node, message))
  }
}

export const equivocator: Behaviour = {
  about: 'as leader shows two sets of observations, and votes for whatever anybody votes for',
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    if (message.kind === 'proposal' && message.observations.length > 2 * node.world.options.f + 1) {
      // All for one half; for the other without the last one.
      return to % 2 === 0
        ? [bytes]
        : [proposalOf(node, { ...message, observations: message.observations.slice(0, -1) })]
    }
    return [bytes]
  },
  tick: echo,
}

/** Two proposals that differ in what the liars themselves observed: both complete, both with good signatures. */
export const splitter: Behaviour = {
  about: "as leader shows each half another of the liars' observations, and votes for both",
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    if (message.kind !== 'proposal' || node.world.conspiracy.side(to) === 0) return [bytes]
    return [once(node, `split ${message.epoch}/${message.seqNr}`, () => otherHalf(node, message))]
  },
  tick: echo,
}

function otherHalf(node: SimNode, message: MessageOf<'proposal'>): Uint8Array {
  const { conspiracy, duty, random } = node.world
  const { query } = message
  const observations = message.observations.map((each) => {
    if (!conspiracy.members.has(each.oracle)) return each
    const observation = duty.lie('near', each.observation, random)
    const signature = observationSignature(node, each.oracle, message, query, observation)
    return { ...each, observation, signature }
  })
  return proposalOf(node, { ...message, observations })
}

export const twoQueries: Behaviour = {
  about: 'as leader asks each half another query, and proposes for one of them',
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    if (message.kind !== 'round-start' || node.world.conspiracy.side(to) === 0) return [bytes]
    const other = node.world.duty.query(node.index, message.seqNr, node.world.now + 1_000)
    return other === null ? [] : [encode({ ...message, query: other })]
  },
}

export const twins: Behaviour = {
  about: 'is two nodes with one identity, each with its own half of the peers',
  twins: true,
}

/** What a witness compares the true words with: looking at these costs it the patience for those. */
export const smokescreen: Behaviour = {
  about: 'tells of proposals that the leader never made, to hide those that it made',
  tick: (node) => {
    const { epoch, seqNr } = placeOf(node)
    const { random } = node.world
    const proposal = { signaturesHash: random.bytes(32), signature: random.bytes(64) }
    const [inputsHash, outcomeHash] = [random.bytes(32), random.bytes(32)]
    const signature = random.bytes(64)
    sayToAll(node, encode({ kind: 'prepare', epoch, seqNr, inputsHash, outcomeHash, signature, proposal }))
  },
}
