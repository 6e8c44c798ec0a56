import type { Offence } from '../../../node/ports/quorum.ts'
import type { Effect } from '../../../node/quorum/machine/effects.ts'
import type { SimNode } from './node.ts'

/** Faults and offences kept for tests. */
const KEPT = 2_000

/** What a machine tells, and asks nobody to do: into the trace, and before the rules. */
export function watch(node: SimNode, effect: Effect): void {
  const { world, index, standing } = node
  const tell = (kind: 'epoch' | 'commits' | 'attests', text: string) =>
    world.trace.add(world.now, index, kind, text)
  switch (effect.type) {
    case 'epoch':
      node.epochs++
      tell('epoch', `${effect.epoch}, leader ${effect.leader}`)
      return
    case 'committed':
      tell('commits', `${effect.seqNr} in epoch ${effect.epoch}`)
      if (standing !== 'liar') {
        world.invariants.committed(index, node.committedSeqNr, effect, node.disk.snapshot)
      }
      node.committedSeqNr = effect.seqNr
      return
    case 'attested':
      tell('attests', effect.seqNr.toString())
      if (standing !== 'liar') world.invariants.reported(index, effect)
      return
    case 'fault':
      onFault(node, effect)
      return
    case 'offence':
      onOffence(node, effect.offence)
      return
  }
}

function onFault(node: SimNode, effect: Extract<Effect, { type: 'fault' }>): void {
  const { code, oracle, data } = effect
  const { world, index } = node
  if (node.faults.length < KEPT) node.faults.push(effect)
  world.trace.add(world.now, index, 'fault', `${code} of ${oracle ?? 'itself'} ${JSON.stringify(data)}`)
  if (node.standing !== 'honest') return
  world.invariants.fault(index, code, oracle)
  if (code === 'divergent-inputs') onSplit(node, data)
}

function onSplit(node: SimNode, { peer, leader, seqNr }: Readonly<Record<string, unknown>>): void {
  const { world, index } = node
  if (world.nodes[Number(peer)]?.standing !== 'honest') return
  const epoch = node.machine?.view().epoch ?? 0
  const nodes = [index, Number(peer)] as const
  world.offences.split({ epoch, seqNr: BigInt(String(seqNr)), leader: Number(leader), nodes })
}

function onOffence(node: SimNode, offence: Offence): void {
  const { world, index } = node
  const { oracle, statement, epoch, seqNr } = offence
  if (node.offences.length < KEPT) node.offences.push(offence)
  const text = `${offence.offence} of ${oracle}: ${statement} ${epoch}/${seqNr}`
  world.trace.add(world.now, index, 'evidence', text)
  if (node.standing === 'honest') world.offences.recorded(index, offence)
}
