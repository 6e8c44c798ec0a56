import { describe, expect, it } from 'vitest'
import { encode } from './simulation/adversaries/craft.ts'
import type { Behaviour } from './simulation/behaviour.ts'
import { World } from './simulation/world.ts'

const LIAR = 2

/** Votes for what the others vote for, under signatures that are none. */
const forges = (kind: 'prepare' | 'commit'): Behaviour => ({
  outgoing: (node, _to, bytes, message) =>
    message.kind === kind ? [encode({ ...message, signature: node.world.random.bytes(64) })] : [bytes],
})

describe('a report under a false signature', () => {
  const behaviour: Behaviour = {
    outgoing: (node, _to, bytes, message) => {
      if (message.kind !== 'report-signatures') return [bytes]
      const reports = message.reports.map((report) => ({ ...report, signature: node.world.random.bytes(65) }))
      return [encode({ ...message, reports })]
    },
  }

  it.each([1, 2, 3])('is never attested with it, seed %i', (seed) => {
    const world = new World({ seed, n: 4, f: 1, behaviours: { [LIAR]: behaviour } })
    // Whatever is attested is shown to the contract at once.
    expect(world.run(30_000, () => world.reached(20n) && world.attested.size >= 20)).toBe(true)
    const blamed = world.honest().flatMap(({ offences }) => offences)
    expect(blamed.length).toBeGreaterThan(0)
    for (const offence of blamed)
      expect(offence).toMatchObject({ offence: 'bad-signature', statement: 'report', oracle: LIAR })
  })
})

describe.each(['prepare', 'commit'] as const)('a %s under a false signature', (kind) => {
  it.each([1, 2, 3])('makes no certificate, and is its sender’s fault, seed %i', (seed) => {
    const world = new World({ seed, n: 4, f: 1, behaviours: { [LIAR]: forges(kind) } })
    // The certificates that honest validators make are checked as they are written.
    expect(world.run(30_000, () => world.reached(20n))).toBe(true)
    const blamed = world.honest().flatMap(({ offences }) => offences)
    expect(blamed.length).toBeGreaterThan(0)
    for (const offence of blamed)
      expect(offence).toMatchObject({ offence: 'bad-signature', statement: kind, oracle: LIAR })
  })
})
