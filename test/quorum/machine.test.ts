import { describe, expect, it } from 'vitest'
import { World } from './simulation/world.ts'

const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('a network of honest validators', () => {
  it.each(seeds(10))('agrees, seed %i', (seed) => {
    const world = new World({ seed, n: 4, f: 1 })
    expect(world.run(60_000, () => world.reached(25n))).toBe(true)
    expect(world.now).toBeLessThan(10_000)
    expect(world.nodes.flatMap((node) => node.faults)).toEqual([])
  })
})
