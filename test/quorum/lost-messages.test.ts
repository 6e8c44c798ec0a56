import { describe, expect, it } from 'vitest'
import { MESSAGE_KIND } from '../../node/quorum/messages.ts'
import { World } from './simulation/world.ts'

describe('what got lost of a round', () => {
  it.each(['round-start', 'observation', 'proposal', 'prepare', 'commit'] as const)(
    'comes again within two resends, without another epoch: %s',
    (kind) => {
      const world = new World({ seed: 1, n: 4, f: 1, timing: { rMax: 10_000 } })
      expect(world.run(10_000, () => world.reached(3n))).toBe(true)
      // The second byte of every message is its kind.
      world.network.spares = (_to, bytes) => bytes[1] !== MESSAGE_KIND[kind]
      world.run(world.now + 300)
      const stuckAt = world.nodes.map(({ committedSeqNr }) => committedSeqNr)
      world.network.spares = () => true
      const goal = 1n + (stuckAt.sort((a, b) => Number(b - a))[0] ?? 0n)
      expect(world.run(world.now + 2 * world.timing.deltaResend, () => world.reached(goal))).toBe(true)
      expect(world.nodes.map(({ epochs }) => epochs)).toEqual([1, 1, 1, 1])
    },
  )
})
