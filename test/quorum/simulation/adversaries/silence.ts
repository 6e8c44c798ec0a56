import type { Behaviour } from '../behaviour.ts'
import { encode, LEADER_KINDS, placeOf, sayToAll } from './craft.ts'

export const silent: Behaviour = {
  about: 'says nothing at all',
  outgoing: () => [],
}

export const silentLeader: Behaviour = {
  about: 'says nothing while it leads',
  outgoing: (_node, _to, bytes, message) => (LEADER_KINDS.includes(message.kind) ? [] : [bytes]),
}

export const slow: Behaviour = {
  about: 'sends everything late, up to half of DeltaProgress',
  delayMs: (node) => node.world.random.between(0.05, 0.5) * node.world.timing.deltaProgress,
}

export const slowLeader: Behaviour = {
  about: 'as leader takes almost DeltaProgress for each round',
  delayMs: (node, _to, message) =>
    message.kind === 'proposal' || message.kind === 'round-start'
      ? node.world.random.between(0.3, 0.95) * node.world.timing.deltaProgress
      : 0,
}

export const mumbler: Behaviour = {
  about: 'loses most of what it says, each time to others',
  outgoing: (node, _to, bytes) => (node.world.random.chance(0.7) ? [] : [bytes]),
}

export const idleLiar: Behaviour = {
  about: 'as leader always says that there is nothing to do',
  outgoing: (_node, _to, bytes, message) => {
    if (message.kind === 'proposal') return []
    if (message.kind !== 'round-start') return [bytes]
    return [encode({ kind: 'idle', epoch: message.epoch, seqNr: message.seqNr })]
  },
  tick: (node) => {
    const { epoch, seqNr, leads } = placeOf(node)
    if (leads) sayToAll(node, encode({ kind: 'idle', epoch, seqNr }))
  },
}
