import { describe, expect, it } from 'vitest'
import { encode } from './simulation/adversaries/craft.ts'
import { lateObserver } from './simulation/adversaries/observations.ts'
import type { Behaviour } from './simulation/behaviour.ts'
import { sourcedMedian } from './simulation/duties/median.ts'
import type { MedianSource } from './simulation/median.ts'
import { World } from './simulation/world.ts'

const LEADER = 1

/** Each sees a number of its own, near the others'. */
const source = (node: number): MedianSource => ({
  query: (seqNr) => seqNr,
  observe: (seqNr) => 1_000n * seqNr + BigInt(node),
})

const world = (options: { seed: number; sealed: boolean; behaviour?: Behaviour }) =>
  new World({
    ...{ seed: options.seed, n: 4, f: 1, timing: { rMax: 3 } },
    duty: () => sourcedMedian(source, { sealed: options.sealed }),
    ...(options.behaviour === undefined ? {} : { behaviours: { [LEADER]: options.behaviour } }),
  })
const faultsOf = (of: World, code: string) =>
  of
    .honest()
    .flatMap(({ faults }) => faults.filter((fault) => fault.code === code && fault.oracle === LEADER))

describe('a leader that says another observation as its own', () => {
  it.each([1, 2, 3])('is found out where observations are sealed, seed %i', (seed) => {
    const subject = world({ seed, sealed: true, behaviour: lateObserver })
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(faultsOf(subject, 'bad-proposal').map(({ data }) => data.reason)).toContain(
      'another observation of its own than it bound itself to',
    )
  })

  it('is not where they are not: nothing binds it', () => {
    const subject = world({ seed: 1, sealed: false, behaviour: lateObserver })
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(faultsOf(subject, 'bad-proposal')).toEqual([])
  })

  it.each([1, 2, 3])('and that bound itself to nothing may not have one, seed %i', (seed) => {
    const secretive: Behaviour = {
      unguarded: true,
      outgoing: (node, to, bytes, message) =>
        message.kind === 'round-start'
          ? [encode({ ...message, seal: null })]
          : (lateObserver.outgoing?.(node, to, bytes, message) ?? [bytes]),
    }
    const subject = world({ seed, sealed: true, behaviour: secretive })
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(faultsOf(subject, 'bad-proposal').length).toBeGreaterThan(0)
  })

  it.each([1, 2, 3])('nor binds itself to two, seed %i', (seed) => {
    const twoSeals: Behaviour = {
      unguarded: true,
      outgoing: (_node, _to, bytes, message) =>
        message.kind === 'round-start' ? [bytes, encode({ ...message, seal: new Uint8Array(32) })] : [bytes],
    }
    const subject = world({ seed, sealed: true, behaviour: twoSeals })
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(faultsOf(subject, 'equivocation').length).toBeGreaterThan(0)
  })
})

describe('an honest leader', () => {
  it('asks nobody before it has observed itself', () => {
    const asked: { start: number; observed: number }[] = []
    const at = new Map<bigint, number>()
    const watch: Behaviour = {
      outgoing: (node, _to, bytes, message) => {
        if (message.kind === 'round-start') {
          expect(message.seal).toHaveLength(32)
          const observed = at.get(message.seqNr) ?? Number.POSITIVE_INFINITY
          asked.push({ start: node.world.schedule.now, observed })
        }
        return [bytes]
      },
      observe: (node, honest, seqNr) => {
        at.set(seqNr, node.world.schedule.now)
        return honest
      },
    }
    const subject = world({ seed: 4, sealed: true, behaviour: watch })
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(asked.length).toBeGreaterThan(0)
    for (const { start, observed } of asked) expect(observed).toBeLessThanOrEqual(start)
    expect(faultsOf(subject, 'bad-proposal')).toEqual([])
  })

  it('that can not observe asks the others all the same, and its rounds go on without it', () => {
    const led: number[] = []
    const subject = world({
      ...{ seed: 5, sealed: true },
      behaviour: {
        observe: () => null,
        outgoing: (_node, _to, bytes, message) => {
          if (message.kind === 'proposal') led.push(message.observations.length)
          return [bytes]
        },
      },
    })
    expect(subject.run(60_000, () => subject.reached(20n))).toBe(true)
    expect(led.length).toBeGreaterThan(0)
    expect(new Set(led)).toEqual(new Set([3]))
  })
})
