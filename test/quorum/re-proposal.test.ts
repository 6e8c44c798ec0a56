import { describe, expect, it } from 'vitest'
import { decodeCertificate } from '../../node/quorum/certificate.ts'
import { MESSAGE_KIND, type MessageKind } from '../../node/quorum/messages.ts'
import { leaderOf } from '../../node/quorum/permutation.ts'
import type { SimNode } from './simulation/node.ts'
import { World } from './simulation/world.ts'

/** The second byte of every message is its kind. */
const is = (bytes: Uint8Array, kind: MessageKind) => bytes[1] === MESSAGE_KIND[kind]

function prepared(world: World, node: SimNode) {
  const bytes = node.disk.snapshot.certificate
  return bytes === null ? null : decodeCertificate(bytes, world.limits)
}

/**
 * Epoch 1: one validator alone prepares A, and is cut off. A later epoch: the others, who know nothing of A, prepare B,
 * and one of them alone commits it, and is cut off. Then the first is back: A is prepared, and B is prepared later.
 */
function twoPrepared(seed: number) {
  const world = new World({ seed, n: 4, f: 1 })
  const [second = 0, third = 0] = [2, 3].map((epoch) => leaderOf(world.digest, epoch, 4))
  const [knowsA, knowsB] = world.nodes.filter(({ index }) => index !== second && index !== third)
  if (knowsA === undefined || knowsB === undefined) throw new RangeError('no such nodes')
  const { network } = world
  network.spares = (to, bytes) => !is(bytes, 'commit') && (!is(bytes, 'prepare') || to === knowsA.index)
  expect(world.run(10_000, () => prepared(world, knowsA) !== null)).toBe(true)
  network.link = (from, to) => from !== knowsA.index && to !== knowsA.index
  // Nobody else may prepare A: not before they are in another epoch.
  network.spares = (_to, bytes) => !is(bytes, 'commit') && !is(bytes, 'prepare')
  const others = world.nodes.filter((node) => node !== knowsA)
  const moved = () => others.every((node) => (node.machine?.view().epoch ?? 0) > 1)
  expect(world.run(world.now + 30_000, moved)).toBe(true)
  network.spares = (to, bytes) => !is(bytes, 'commit') || to === knowsB.index
  expect(world.run(60_000, () => knowsB.committedSeqNr === 1n)).toBe(true)
  const [a, b] = [prepared(world, knowsA), prepared(world, knowsB)]
  expect(a).toMatchObject({ seqNr: 1n, epoch: 1 })
  expect(b?.seqNr).toBe(1n)
  expect(b?.epoch).toBeGreaterThan(1)
  expect(b?.outcome).not.toEqual(a?.outcome)
  network.link = (from, to) => from !== knowsB.index && to !== knowsB.index
  network.spares = (_to, bytes) => !is(bytes, 'commit') && !is(bytes, 'prepare')
  return { world, rest: world.nodes.filter((node) => node !== knowsB), b }
}

describe('of two prepared outcomes of one sequence number', () => {
  it.each([1, 2, 3, 4, 5])('the one of the later epoch is finished: it may be committed, seed %i', (seed) => {
    const { world, rest, b } = twoPrepared(seed)
    // Not in the epoch that prepared it, but in the next one, which hears of both.
    const moved = () => rest.every((node) => (node.machine?.view().epoch ?? 0) > (b?.epoch ?? 0))
    expect(world.run(world.now + 30_000, moved)).toBe(true)
    world.network.spares = () => true
    expect(world.run(world.now + 30_000, () => world.reached(3n, rest))).toBe(true)
    expect(world.outcomes.get(1n)).toEqual(b?.outcome)
    world.network.link = () => true
    expect(world.run(world.now + 30_000, () => world.reached(6n))).toBe(true)
  })

  it.each([1, 2, 3, 4, 5])('also when everybody was restarted in between, seed %i', (seed) => {
    const { world, rest, b } = twoPrepared(seed)
    world.network.spares = () => true
    for (const node of world.nodes) node.crash('lost-tail')
    for (const node of world.nodes) node.boot()
    expect(world.run(world.now + 30_000, () => world.reached(3n, rest))).toBe(true)
    expect(world.outcomes.get(1n)).toEqual(b?.outcome)
  })
})
