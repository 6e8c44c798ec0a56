import type { Behaviour } from '../behaviour.ts'
import type { SimNode } from '../node.ts'
import { commitOf, encode, observationSignature, prepareOf, proposalOf } from './craft.ts'

/** Whatever a peer voted for lately, this node votes for as well, towards that peer. */
function echo(node: SimNode, to: number, kinds: readonly ('prepare' | 'commit')[]): Uint8Array[] {
  const votes = node.world.conspiracy
    .heard('prepare')
    .filter(({ from }) => from === to)
    .slice(-2)
  return votes.flatMap(({ message }) =>
    kinds.map((kind) => (kind === 'prepare' ? prepareOf(node, message) : commitOf(node, message))),
  )
}

function echoToAll(node: SimNode): void {
  for (let to = 0; to < node.world.options.n; to++) {
    for (const vote of echo(node, to, ['prepare', 'commit'])) node.say(to, vote)
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
    return message.kind === 'prepare' ? [bytes, ...echo(node, to, ['prepare'])] : [bytes]
  },
  tick: echoToAll,
}

/** Two proposals that differ in what the liars themselves observed: both complete, both with good signatures. */
export const splitter: Behaviour = {
  about: "as leader shows each half another of the liars' observations, and votes for both",
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    const { conspiracy } = node.world
    if (message.kind === 'proposal' && conspiracy.side(to) === 1) {
      const { query } = message
      const observations = message.observations.map((each) => {
        if (!conspiracy.members.has(each.oracle)) return each
        const observation = node.world.duty.lie('near', each.observation, node.world.random)
        const signature = observationSignature(node, each.oracle, message, query, observation)
        return { ...each, observation, signature }
      })
      return [proposalOf(node, { ...message, observations })]
    }
    return message.kind === 'prepare' ? [bytes, ...echo(node, to, ['prepare'])] : [bytes]
  },
  tick: echoToAll,
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
  tick: (node) => {
    const { random, conspiracy, timing } = node.world
    if (node.half === 0 && random.chance(20 / timing.deltaProgress)) conspiracy.divide()
  },
}
