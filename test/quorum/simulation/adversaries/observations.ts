import type { Behaviour } from '../behaviour.ts'
import type { Lie } from '../duties/duty.ts'
import type { SimNode } from '../node.ts'
import { encode, observationSignature, proposalOf } from './craft.ts'

const lying = (kind: Lie, about: string): Behaviour => ({
  about,
  observe: (node, honest) => node.world.duty.lie(kind, honest, node.world.random),
})

export const farLiar = lying('far', 'observes something far off')
export const nearLiar = lying('near', 'observes what is just not, or just about, left out')
export const extremeLiar = lying('extreme', 'observes the largest and smallest values that the codec holds')

export const chorist: Behaviour = {
  about: 'observes the same as its fellow liars: far above the truth',
  observe: (node, honest) => node.world.duty.lie('above', honest, node.world.random),
}

/** As many lies as there are among as few observations as are allowed. */
export const cherryPicker: Behaviour = {
  about: "as leader proposes 2f+1 observations, the liars' and as few others as it may",
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'proposal') return [bytes]
    const { conspiracy, options } = node.world
    const lies = message.observations.filter(({ oracle }) => conspiracy.members.has(oracle))
    const others = message.observations.filter(({ oracle }) => !conspiracy.members.has(oracle))
    const chosen = [...lies, ...others].slice(0, 2 * options.f + 1)
    return [proposalOf(node, { ...message, observations: chosen.sort((a, b) => a.oracle - b.oracle) })]
  },
}

export const garbler: Behaviour = {
  about: 'observes bytes that do not decode: none, too few, too many, noise',
  observe: (node, honest) => {
    const { random } = node.world
    const noise = random.bytes(1 + random.integer(40))
    return random.pick([new Uint8Array(), honest.subarray(1), new Uint8Array([...honest, 0]), noise])
  },
}

/** The machine refuses to send such an observation for it: it has to be put into the message. */
export const oversizer: Behaviour = {
  about: 'observes as many bytes as the limit allows, and one more',
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'observation') return [bytes]
    const { random, limits } = node.world
    const observation = new Uint8Array(limits.observation + random.pick([-1, 0, 1, 1000]))
    const query = queryOf(node, message.epoch, message.seqNr)
    if (query === null) return [bytes]
    return [
      encode({
        ...message,
        observation,
        signature: observationSignature(node, node.index, message, query, observation),
      }),
    ]
  },
}

function queryOf(node: SimNode, epoch: number, seqNr: bigint): Uint8Array | null {
  const starts = node.world.conspiracy.heard('round-start')
  return (
    starts.findLast(({ message }) => message.epoch === epoch && message.seqNr === seqNr)?.message.query ??
    null
  )
}

/**
 * Waits until a fellow liar that leads has others' observations, and says the first of them as its own. Under an honest
 * leader it learns of none before the proposal, and has nothing to say.
 */
export const copier: Behaviour = {
  about: "says another's observation as its own",
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'observation') return [bytes]
    const copy = copied(node, message.epoch, message.seqNr)
    return copy === null ? [] : [copy]
  },
  tick: (node) => {
    const view = node.machine?.view()
    if (view === undefined || !view.started || view.leader === node.index) return
    const copy = copied(node, view.epoch, view.committedSeqNr + 1n)
    if (copy !== null) node.say(view.leader, copy)
  },
}

function copied(node: SimNode, epoch: number, seqNr: bigint): Uint8Array | null {
  const { conspiracy } = node.world
  const others = node.world.conspiracy
    .heard('observation')
    .find(
      ({ from, message }) =>
        !conspiracy.members.has(from) && message.epoch === epoch && message.seqNr === seqNr,
    )
  const query = queryOf(node, epoch, seqNr)
  if (others === undefined || query === null) return null
  // Only a leader is shown observations, and an honest one shows them to nobody before the proposal.
  const leader = node.machine?.view().leader ?? -1
  if (!conspiracy.members.has(leader))
    node.world.fail('secrecy', `node ${node.index} can copy under leader ${leader}`)
  const { observation } = others.message
  const signature = observationSignature(node, node.index, { epoch, seqNr }, query, observation)
  return encode({ kind: 'observation', epoch, seqNr, observation, signature })
}

/** It bound itself to what it observed; what others say may be better, or cheaper. */
export const lateObserver: Behaviour = {
  about: "as leader proposes another's observation as its own",
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'proposal') return [bytes]
    const other = message.observations.find(({ oracle }) => oracle !== node.index)
    if (other === undefined) return [bytes]
    const { observation } = other
    const signature = observationSignature(node, node.index, message, message.query, observation)
    const observations = message.observations.map((each) =>
      each.oracle === node.index ? { oracle: node.index, observation, signature } : each,
    )
    return [proposalOf(node, { ...message, observations })]
  },
}

export const misattributor: Behaviour = {
  about: 'signs observations for a query that nobody asked',
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'observation') return [bytes]
    const signature = observationSignature(node, node.index, message, Uint8Array.of(9), message.observation)
    return [encode({ ...message, signature })]
  },
}
