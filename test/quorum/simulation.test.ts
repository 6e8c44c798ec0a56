import { describe, expect, it } from 'vitest'
import type { Hex } from '../../node/ports/chain.ts'
import { ADVERSARY_NAMES } from './simulation/adversaries/catalog.ts'
import { describeFailure, Summary } from './simulation/describe.ts'
import { InvariantViolation } from './simulation/invariants.ts'
import { Locks } from './simulation/locks.ts'
import { simulate } from './simulation/run.ts'
import { scenarioOf } from './simulation/scenario.ts'
import { BROKEN_BY, TREASONS, treasonOf } from './simulation/treason.ts'

/** Histories in `npm test`; `npm run sim` plays any number of them. */
const SEEDS = 300
const GROUP = 25

const summary = new Summary()

describe('whatever up to f validators and the network do', () => {
  it.each(Array.from({ length: SEEDS / GROUP }, (_, i) => i * GROUP + 1))(
    'no rule is broken, seeds %i and the next',
    { timeout: 300_000 },
    (from) => {
      for (let seed = from; seed < from + GROUP; seed++) {
        const scenario = scenarioOf(seed)
        const result = simulate(scenario)
        summary.add(result)
        if (result.violation !== null) expect.fail(describeFailure(scenario, result).join('\n'))
      }
    },
  )

  it('and a good deal is going on meanwhile', () => {
    const scenarios = Array.from({ length: SEEDS }, (_, i) => scenarioOf(i + 1))
    const liars = new Set(scenarios.flatMap(({ liars }) => Object.values(liars).flat()))
    expect([...liars].sort()).toEqual([...ADVERSARY_NAMES].sort())
    expect(scenarios.some(({ setBack }) => setBack.length > 0)).toBe(true)
    expect(scenarios.some(({ crashLoops }) => Object.keys(crashLoops).length > 0)).toBe(true)
    expect(summary.outcomes).toBeGreaterThan(5 * SEEDS)
    expect(summary.attested).toBeGreaterThan(2 * SEEDS)
    expect(summary.epochs).toBeGreaterThan(5 * SEEDS)
    expect(summary.refusals).toBeGreaterThan(0)
    expect(summary.overflows).toBeGreaterThan(0)
  })
})

describe('a seed', () => {
  it.each([3, 17, 42])('%i gives the same history every time, event by event', (seed) => {
    const play = () => {
      const lines: string[] = []
      const { hash } = simulate(scenarioOf(seed), (line) => lines.push(line))
      return { hash, lines }
    }
    const first = play()
    const second = play()
    expect(first.lines.length).toBeGreaterThan(500)
    expect(second.lines).toEqual(first.lines)
    expect(second.hash).toBe(first.hash)
    expect(simulate(scenarioOf(seed)).hash).toBe(first.hash)
  })

  it('gives another history than another', () => {
    expect(simulate(scenarioOf(3)).hash).not.toBe(simulate(scenarioOf(4)).hash)
  })
})

describe('beyond what is claimed, the checks fail', () => {
  describe('lock, of 4 validators of whom the last is a liar', () => {
    const A = `0x${'aa'.repeat(32)}` as const
    const B = `0x${'bb'.repeat(32)}` as const
    const locks = () =>
      new Locks(
        { n: 4, f: 1 },
        {
          honest: (node) => node !== 3,
          fail: (rule, message) => {
            throw new InvariantViolation(rule, message)
          },
        },
      )
    const sign = (to: Locks, node: number, purpose: string, epoch: bigint, outcome: Hex) =>
      to.released(node, { purpose, scope: '0xc0', position: [epoch, 7n] }, outcome)

    it('two honest commits, then a prepare of something else in a later epoch', () => {
      const watched = locks()
      sign(watched, 0, 'commit', 1n, A)
      sign(watched, 1, 'commit', 1n, A)
      sign(watched, 2, 'prepare', 2n, A)
      expect(() => sign(watched, 2, 'prepare', 3n, B)).toThrow('node 2 prepares 7 anew in epoch 3')
    })

    it('or the same told the other way round', () => {
      const watched = locks()
      sign(watched, 2, 'prepare', 3n, B)
      sign(watched, 0, 'commit', 1n, A)
      expect(() => sign(watched, 1, 'commit', 1n, A)).toThrow('node 2 prepares 7 anew in epoch 3')
    })

    it('and nothing else: one commit twice, a liar that prepares, an earlier epoch', () => {
      const watched = locks()
      sign(watched, 0, 'commit', 1n, A)
      sign(watched, 0, 'commit', 1n, A)
      sign(watched, 3, 'commit', 1n, A)
      sign(watched, 2, 'prepare', 1n, B)
      sign(watched, 2, 'prepare', 2n, B)
      sign(watched, 2, 'commit', 2n, B)
      sign(watched, 1, 'commit', 2n, B)
      expect(() => sign(watched, 3, 'prepare', 3n, A)).not.toThrow()
    })
  })

  describe.each(TREASONS)('%s', (treason) => {
    it.each([1, 2, 3, 4, 5, 6])(`breaks ${BROKEN_BY[treason]}, seed %i`, (seed) => {
      const result = simulate(treasonOf(treason, seed))
      expect(result.violation?.rule).toBe(BROKEN_BY[treason])
      expect(result.lines.at(-1)).toContain('VIOLATION')
    })
  })
})
