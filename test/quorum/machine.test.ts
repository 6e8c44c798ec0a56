import { hexToBytes } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeCertificate } from '../../node/quorum/certificate.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage } from '../../node/quorum/messages.ts'
import { leaderOf } from '../../node/quorum/permutation.ts'
import { equivocator } from './simulation/adversaries/equivocation.ts'
import { babbler, queryFlooder } from './simulation/adversaries/flood.ts'
import { forger } from './simulation/adversaries/forgery.ts'
import { misattributor } from './simulation/adversaries/observations.ts'
import { idleLiar, silentLeader } from './simulation/adversaries/silence.ts'
import { amnesiac, selector } from './simulation/adversaries/withholding.ts'
import type { Behaviour } from './simulation/behaviour.ts'
import { outcomeCodec } from './simulation/median.ts'
import type { SimNode } from './simulation/node.ts'
import { World, type WorldOptions } from './simulation/world.ts'

/** More histories, or one again: `IYI_SIMULATION_SEEDS=20`, `IYI_SIMULATION_FIRST=1234`. */
const FACTOR = Number(process.env.IYI_SIMULATION_SEEDS ?? 1)
const FIRST = Number(process.env.IYI_SIMULATION_FIRST ?? 1)
const seeds = (count: number) => Array.from({ length: Math.ceil(count * FACTOR) }, (_, i) => FIRST + i)
const four = (seed: number, options: Partial<WorldOptions> = {}) =>
  new World({ seed, n: 4, f: 1, ...options })
const fault = (node: SimNode, code: string) => node.faults.filter((each) => each.code === code)

const highest = (nodes: readonly SimNode[]) =>
  nodes.map((node) => node.committedSeqNr).sort((a, b) => Number(b - a))[0] ?? 0n

/** Every outcome's median lies within what the honest observe: 1000 x sequence and less than 1000 above. */
function expectHonestMedians(world: World): void {
  for (const [seqNr, outcome] of world.outcomes) {
    const { median, observers } = outcomeCodec.decode(outcome)
    expect(median).toBeGreaterThanOrEqual(1000n * seqNr)
    expect(median).toBeLessThan(1000n * (seqNr + 1n))
    expect(observers.length).toBeGreaterThanOrEqual(2 * world.options.f + 1)
  }
}

/** All sequence numbers up to the last have an outcome and a report. */
function expectComplete(world: World, upTo: bigint): void {
  for (let seqNr = 1n; seqNr <= upTo; seqNr++) {
    expect(world.outcomes.has(seqNr)).toBe(true)
    expect(world.attested.has(seqNr)).toBe(true)
  }
}

describe('honest validators', () => {
  it.each(seeds(12))('agree without a fault and without losing an epoch, seed %i', (seed) => {
    const world = four(seed)
    expect(world.run(60_000, () => world.reached(25n) && world.attested.size >= 25)).toBe(true)
    expect(world.now).toBeLessThan(6_000)
    expect(world.nodes.flatMap((node) => node.faults)).toEqual([])
    expect(world.nodes.every((node) => node.epochs === 1)).toBe(true)
    expectHonestMedians(world)
    expectComplete(world, 25n)
  })

  it.each([
    [1, 0],
    [5, 1],
    [7, 2],
    [10, 3],
    [13, 4],
  ])('n=%i, f=%i', (n, f) => {
    const world = new World({ seed: n, n, f })
    expect(world.run(60_000, () => world.reached(8n))).toBe(true)
    expect(world.nodes.flatMap((node) => node.faults)).toEqual([])
    expectHonestMedians(world)
  })

  it('change the epoch after rMax rounds, at no cost', () => {
    const world = four(3, { timing: { rMax: 5 } })
    expect(world.run(60_000, () => world.reached(40n))).toBe(true)
    expect(world.now).toBeLessThan(15_000)
    expect(world.nodes[0]?.epochs).toBeGreaterThanOrEqual(8)
    expect(world.nodes.flatMap((node) => node.faults)).toEqual([])
  })

  it.each(seeds(10))('get on over a bad network, seed %i', (seed) => {
    const world = four(seed, { network: { maxDelayMs: 80, loss: 0.08, duplicate: 0.1 } })
    expect(world.run(200_000, () => world.reached(25n))).toBe(true)
    expectHonestMedians(world)
    expect(world.nodes.flatMap((node) => node.faults)).toEqual([])
  })

  it.each(seeds(10))('get on when most messages are lost, seed %i', (seed) => {
    const world = four(seed, { network: { maxDelayMs: 50, loss: 0.35 } })
    expect(world.run(900_000, () => world.reached(10n))).toBe(true)
  })

  it.each(seeds(5))('get on with a disk slower than the round, seed %i', (seed) => {
    const world = four(seed, { diskMs: [20, 150] })
    expect(world.run(120_000, () => world.reached(15n))).toBe(true)
  })
})

describe('a validator is down', () => {
  it.each(seeds(10))('from the beginning, seed %i', (seed) => {
    const world = four(seed)
    world.nodes[3]?.crash()
    const alive = world.nodes.slice(0, 3)
    expect(world.run(120_000, () => world.reached(25n, alive))).toBe(true)
    expectHonestMedians(world)
  })

  it.each(seeds(10))('for 20 sequence numbers, and catches up, seed %i', (seed) => {
    const world = four(seed)
    const [node, ...others] = [
      world.nodes[seed % 4] as SimNode,
      ...world.nodes.filter((_, i) => i !== seed % 4),
    ]
    expect(world.run(60_000, () => world.reached(3n))).toBe(true)
    node.crash()
    expect(world.run(120_000, () => world.reached(23n, others))).toBe(true)
    const missed = node.committedSeqNr
    expect(missed).toBeLessThan(10n)
    node.boot()
    expect(world.run(world.now + 10_000, () => world.reached(23n))).toBe(true)
    // It takes part again: with another one down, nothing goes on without it.
    others[0]?.crash()
    const goal = node.committedSeqNr + 10n
    expect(world.run(world.now + 60_000, () => world.reached(goal, [node, ...others.slice(1)]))).toBe(true)
  })

  it.each(seeds(12))('restarts in the middle of a round, over and over, seed %i', (seed) => {
    const world = four(seed, { network: { maxDelayMs: 30, loss: 0.02 } })
    for (let i = 0; i < 25; i++) {
      world.run(world.now + world.random.between(20, 700))
      const node = world.nodes[world.random.integer(4)] as SimNode
      node.crash()
      world.run(world.now + world.random.between(1, 200))
      node.boot()
    }
    const goal = highest(world.nodes) + 5n
    expect(world.run(world.now + 60_000, () => world.reached(goal))).toBe(true)
    expectHonestMedians(world)
  })

  it.each(seeds(10))('all of them, at once, seed %i', (seed) => {
    const world = four(seed)
    for (let i = 0; i < 4; i++) {
      world.run(world.now + world.random.between(100, 1_500))
      for (const node of world.nodes) node.crash()
      world.run(world.now + 50)
      for (const node of world.nodes) node.boot()
    }
    const goal = highest(world.nodes) + 5n
    expect(world.run(world.now + 20_000, () => world.reached(goal))).toBe(true)
  })

  it.each(seeds(20))(
    'after it alone knows of a commit: the others come to the same outcome, seed %i',
    (seed) => {
      const world = four(seed)
      const last = 5n
      expect(world.run(60_000, () => world.nodes.some((node) => node.committedSeqNr === last))).toBe(true)
      const [knows] = world.nodes.filter((node) => node.committedSeqNr === last)
      for (const node of world.nodes) node.crash()
      const others = world.nodes.filter((node) => node !== knows)
      for (const node of others) node.boot()
      expect(world.run(world.now + 20_000, () => world.reached(last + 3n, others))).toBe(true)
    },
  )

  it('cut off for a while: it is told within two resends, without an epoch change', () => {
    const world = four(7, { timing: { rMax: 10_000 } })
    expect(world.run(60_000, () => world.reached(3n))).toBe(true)
    world.network.link = (from, to) => from !== 3 && to !== 3
    world.run(world.now + 10_000)
    world.network.link = () => true
    const goal = highest(world.nodes)
    expect(world.nodes[3]?.committedSeqNr).toBeLessThan(goal - 20n)
    expect(world.run(world.now + 2 * world.timing.deltaResend + 100, () => world.reached(goal))).toBe(true)
    expect(world.nodes[0]?.epochs).toBe(1)
  })

  it('refuses to resume from a snapshot that was tampered with', () => {
    const world = four(1)
    world.run(10_000, () => world.reached(3n))
    const node = world.nodes[0] as SimNode
    node.crash()
    const committed = node.disk.snapshot.committed as Uint8Array
    const wrong = committed.slice()
    wrong[50] = (wrong[50] ?? 0) ^ 1
    node.disk.snapshot = { ...node.disk.snapshot, committed: wrong }
    node.boot()
    expect(() => world.run(world.now + 100)).toThrowError(
      expect.objectContaining({
        code: 'QUORUM_BAD_SNAPSHOT',
        // Without its rows this node forgets the prepare certificate behind a commit that it signed.
        message: expect.stringMatching(/^(?!.*remove).*current backup.*setConfig/),
      }),
    )
  })
})

describe('partitions', () => {
  it.each(seeds(15))('no half of two commits; both go on after healing, seed %i', (seed) => {
    const world = four(seed)
    expect(world.run(60_000, () => world.reached(3n))).toBe(true)
    world.network.link = (from, to) => from < 2 === to < 2
    world.run(world.now + 500)
    const before = world.nodes.map((node) => node.committedSeqNr)
    world.run(world.now + 20_000)
    expect(world.nodes.map((node) => node.committedSeqNr)).toEqual(before)
    world.network.link = () => true
    const goal = 10n + (before[0] ?? 0n)
    expect(world.run(world.now + 30_000, () => world.reached(goal))).toBe(true)
  })

  it.each(seeds(4))('come and go at random, seed %i', (seed) => {
    const world = new World({ seed, n: 7, f: 2 })
    for (let i = 0; i < 15; i++) {
      const side = world.nodes.map(() => world.random.chance(0.3))
      world.network.link = (from, to) => side[from] === side[to]
      world.run(world.now + world.random.between(50, 3_000))
    }
    world.network.link = () => true
    const goal = highest(world.nodes) + 5n
    expect(world.run(world.now + 30_000, () => world.reached(goal))).toBe(true)
    expectHonestMedians(world)
  })

  it('one-way links do not stop the others', () => {
    const world = four(5)
    world.network.link = (from) => from !== 2
    expect(world.run(60_000, () => world.reached(10n))).toBe(true)
  })
})

describe('one validator of four lies', () => {
  const run = (seed: number, behaviour: Behaviour, options: Partial<WorldOptions> = {}, goal = 20n) => {
    const world = four(seed, { behaviours: { [seed % 4]: behaviour }, ...options })
    expect(world.run(200_000, () => world.reached(goal))).toBe(true)
    expectHonestMedians(world)
    for (const node of world.honest()) {
      // Whoever is blamed is the liar; an honest node is never accused.
      expect(node.faults.filter(({ oracle }) => oracle !== null && oracle !== seed % 4)).toEqual([])
      expect(node.offences.filter(({ oracle }) => oracle !== seed % 4)).toEqual([])
      expect(fault(node, 'sign-refused')).toEqual([])
    }
    return world
  }

  it.each(seeds(10))('far off in its observation, seed %i', (seed) => {
    const world = four(seed, {
      behaviours: { [seed % 4]: {} },
      source: (node) => ({
        query: (seqNr) => seqNr,
        observe: (seqNr) => (node === seed % 4 ? 999_999n : 1000n * seqNr + BigInt(node)),
      }),
    })
    expect(world.run(60_000, () => world.reached(20n))).toBe(true)
    expectHonestMedians(world)
  })

  it.each(seeds(5))('with an observation that can not be valid, seed %i', (seed) => {
    const world = four(seed, {
      behaviours: { 1: {} },
      source: (node) => ({
        query: (seqNr) => seqNr,
        observe: (seqNr) => (node === 1 ? 2_000_000n : 1000n * seqNr + BigInt(node)),
      }),
    })
    expect(world.run(60_000, () => world.reached(20n))).toBe(true)
    expectHonestMedians(world)
    expect(
      world.nodes.some((node) => fault(node, 'bad-observation').some(({ oracle }) => oracle === 1)),
    ).toBe(true)
  })

  it.each(seeds(10))('silent as leader: the next one leads, seed %i', (seed) => {
    const world = run(seed, silentLeader, { timing: { rMax: 4 } })
    expect(world.honest()[0]?.epochs).toBeGreaterThan(2)
  })

  it.each(seeds(10))('"nothing to do" as leader, seed %i', (seed) => {
    run(seed, idleLiar, { timing: { rMax: 6 } })
  })

  it.each(seeds(10))('two proposals as leader, seed %i', (seed) => {
    const world = run(seed, equivocator, { timing: { rMax: 5 } })
    const caught = world.honest().flatMap((node) => node.offences)
    // Two statements that it signed for one slot, whenever its proposals came to differ.
    const split = world.honest().some((node) => fault(node, 'divergent-inputs').length > 0)
    expect(caught.some(({ statement }) => statement === 'proposal')).toBe(split)
    expect(caught.every(({ offence }) => offence === 'equivocation')).toBe(true)
    for (const { statements, oracle } of caught) {
      const [a, b] = statements.map(({ bytes }) => Buffer.from(bytes))
      expect(a?.subarray(0, 56)).toEqual(b?.subarray(0, 56))
      expect(a?.subarray(56)).not.toEqual(b?.subarray(56))
      for (const { bytes, signature } of statements)
        expect(world.keys.verification.consensus(oracle, bytes, signature)).toBe(true)
    }
  })

  it.each(seeds(12))('two proposals, and messages get lost, seed %i', (seed) => {
    const world = four(seed, {
      behaviours: { [seed % 4]: equivocator },
      timing: { rMax: 5 },
      network: { maxDelayMs: 60, loss: 0.1 },
    })
    expect(world.run(400_000, () => world.reached(20n))).toBe(true)
    expectHonestMedians(world)
  })

  it.each(seeds(10))('noise, forgeries and replays, seed %i', (seed) => {
    const world = run(seed, babbler)
    expect(world.now).toBeLessThan(60_000)
  })

  it.each(seeds(5))('invented observations as leader, seed %i', (seed) => {
    const world = run(seed, forger, { timing: { rMax: 3 } }, 24n)
    expect(world.honest().some((node) => fault(node, 'bad-proposal').length > 0)).toBe(true)
    const forged = world.honest().flatMap((node) => node.offences)
    expect(forged.some(({ offence }) => offence === 'forged-proposal')).toBe(true)
  })

  it.each(seeds(5))('too few observations as leader, seed %i', (seed) => {
    const world = run(seed, selector, { timing: { rMax: 3 } }, 24n)
    expect(world.honest().some((node) => fault(node, 'bad-proposal').length > 0)).toBe(true)
  })

  it.each(seeds(5))('a forged epoch start as leader, seed %i', (seed) => {
    const world = run(seed, amnesiac, { timing: { rMax: 3 } }, 24n)
    expect(world.honest().some((node) => fault(node, 'bad-signature').length > 0)).toBe(true)
  })

  it.each(seeds(5))('a flood of bad queries as leader: few are looked at, seed %i', (seed) => {
    const world = run(seed, queryFlooder, { timing: { rMax: 3 } }, 24n)
    const looked = world.honest().map((node) => fault(node, 'bad-query').length)
    expect(Math.max(...looked)).toBeGreaterThan(0)
    // The liar leads one epoch of four, and each of its epochs has one round.
    world.honest().forEach((node, i) => {
      expect(looked[i]).toBeLessThanOrEqual(4 * Math.ceil(node.epochs / 4 + 1))
    })
  })

  it.each(seeds(5))('signatures for another query, seed %i', (seed) => {
    const world = run(seed, misattributor)
    for (const outcome of world.outcomes.values()) {
      const { observers } = outcomeCodec.decode(outcome)
      const leads = world.nodes.some((node) => node.index === seed % 4)
      expect(leads).toBe(true)
      expect(observers.length).toBeGreaterThanOrEqual(3)
    }
  })
})

describe('two of seven lie, the network is bad, validators restart', () => {
  it.each(seeds(8))('seed %i', (seed) => {
    const liars = [equivocator, babbler, silentLeader, idleLiar]
    const world = new World({
      seed,
      n: 7,
      f: 2,
      timing: { rMax: 6 },
      network: { maxDelayMs: 40, loss: 0.03, duplicate: 0.05 },
      behaviours: { 2: liars[seed % 4] as Behaviour, 5: liars[(seed + 1) % 4] as Behaviour },
    })
    const honest = world.honest()
    for (let i = 0; i < 12; i++) {
      world.run(world.now + world.random.between(100, 1_500))
      const node = honest[world.random.integer(honest.length)] as SimNode
      node.crash()
      world.run(world.now + world.random.between(1, 300))
      node.boot()
    }
    const goal = highest(honest) + 5n
    expect(world.run(world.now + 100_000, () => world.reached(goal))).toBe(true)
    expectHonestMedians(world)
  })
})

describe('nothing to do', () => {
  it('changes no epoch before rMax beats, and work starts at once when there is some', () => {
    let work = false
    const world = four(2, {
      timing: { rMax: 1000 },
      source: (node) => ({
        query: (seqNr) => (work ? seqNr : null),
        observe: (seqNr) => 1000n * seqNr + BigInt(node),
      }),
    })
    world.run(60_000)
    expect(world.nodes.map((node) => node.epochs)).toEqual([1, 1, 1, 1])
    expect(world.nodes.map((node) => node.committedSeqNr)).toEqual([0n, 0n, 0n, 0n])
    work = true
    expect(world.run(world.now + 500, () => world.reached(1n))).toBe(true)
  })

  it('work that comes up waits for a part of DeltaRound, and the others hear one beat in each', () => {
    let work = false
    const world = four(2, {
      timing: { rMax: 1000, deltaRound: 1_000, deltaProgress: 4_000 },
      network: { maxDelayMs: 5 },
      source: (node) => ({
        query: (seqNr) => (work ? seqNr : null),
        observe: (seqNr) => 1000n * seqNr + BigInt(node),
      }),
    })
    expect(world.run(2_000, () => world.nodes.every((node) => node.machine?.view().started))).toBe(true)
    let beats = 0
    world.network.spares = (_to, bytes) => {
      if (decodeMessage(bytes, QUORUM_LIMITS).kind === 'idle') beats++
      return true
    }
    for (const times of [1, 2, 3, 4, 5]) {
      work = false
      beats = 0
      world.run(world.now + 4_000)
      expect(beats / 3).toBeGreaterThanOrEqual(3)
      expect(beats / 3).toBeLessThanOrEqual(5)
      work = true
      const from = world.now
      const goal = BigInt(times)
      expect(world.run(from + 2_000, () => world.nodes.some((node) => node.committedSeqNr >= goal))).toBe(
        true,
      )
      expect(world.now - from).toBeLessThan(250 + 100)
    }
  })

  it('beats go on when a look takes longer than DeltaRound', () => {
    const world = four(2, {
      timing: { rMax: 1000, deltaRound: 1_000, deltaProgress: 4_000 },
      queryMs: [1_500, 1_501],
      source: (node) => ({ query: () => null, observe: (seqNr) => 1000n * seqNr + BigInt(node) }),
    })
    world.run(60_000)
    expect(world.nodes.map((node) => node.epochs)).toEqual([1, 1, 1, 1])
  })

  it.each(seeds(5))('beats that the others miss do not stop the leader, seed %i', (seed) => {
    let work = false
    const world = four(seed, {
      timing: { rMax: 10 },
      source: (node) => ({
        query: (seqNr) => (work ? seqNr : null),
        observe: (seqNr) => 1000n * seqNr + BigInt(node),
      }),
    })
    expect(world.run(1_000, () => world.nodes.every((node) => node.machine?.view().started))).toBe(true)
    // Half of the beats get lost; the leader comes to rMax, the others to half of it.
    world.network.link = (from) => from !== firstLeader(seed)
    world.run(world.now + 500)
    world.network.link = () => true
    world.run(world.now + 600)
    work = true
    expect(world.run(world.now + 500, () => world.reached(1n))).toBe(true)
  })

  it('a leader that sees less than the others is replaced', () => {
    const world = four(2, {
      timing: { rMax: 1000 },
      source: (node) => ({
        query: (seqNr) => (node === firstLeader(2) ? null : seqNr),
        observe: (seqNr) => 1000n * seqNr + BigInt(node),
      }),
    })
    expect(world.run(10_000, () => world.reached(5n))).toBe(true)
    expect(world.nodes[0]?.epochs).toBe(2)
  })
})

/** The leader of epoch 1 in every simulated world: their digest is the same. */
function firstLeader(seed: number): number {
  const world = four(seed)
  return leaderOf(hexToBytes(world.configDigest), 1, 4)
}

describe('the signing guard', () => {
  it('refuses: this validator abstains, says so, and the others go on', () => {
    const world = four(4)
    const node = world.nodes[0] as SimNode
    node.consensusSigner.poison({ purpose: 'prepare', scope: world.configDigest, position: [1_000_000n, 0n] })
    expect(world.run(60_000, () => world.reached(10n))).toBe(true)
    expect(fault(node, 'sign-refused').length).toBeGreaterThan(0)
    expect(node.sent.prepare ?? 0).toBe(0)
    expect(node.sent.observation ?? 0).toBeGreaterThan(0)
  })

  it('refuses reports: f+1 others attest', () => {
    const world = four(4)
    world.nodes[1]?.reportSigner.poison({
      purpose: 'report',
      scope: world.configDigest,
      position: [1_000_000n, 0n],
    })
    expect(world.run(60_000, () => world.reached(10n) && world.attested.size >= 10)).toBe(true)
    expect(world.nodes[1]?.sent['report-signatures'] ?? 0).toBe(0)
  })
})

describe('a disk that does not answer', () => {
  it('means that nothing is said that depends on it', () => {
    const world = four(6)
    const node = world.nodes[0] as SimNode
    expect(world.run(60_000, () => world.reached(3n))).toBe(true)
    node.disk.failing = true
    world.run(world.now + 300)
    const commits = node.sent.commit ?? 0
    const signatures = node.sent['report-signatures'] ?? 0
    const others = world.nodes.slice(1)
    const goal = 10n + node.committedSeqNr
    expect(world.run(60_000, () => world.reached(goal, others))).toBe(true)
    expect(node.sent.commit).toBe(commits)
    expect(node.committedSeqNr).toBeLessThan(goal)
    // Of outcomes committed before, some may still have been resent.
    expect((node.sent['report-signatures'] ?? 0) - signatures).toBeLessThan(20)
  })
})

describe('what is on disk', () => {
  it('is a verifiable certificate of the last outcome', () => {
    const world = four(8)
    world.run(60_000, () => world.reached(5n))
    world.run(world.now + 50)
    const node = world.nodes[2] as SimNode
    const certificate = decodeCertificate(node.disk.snapshot.committed as Uint8Array, QUORUM_LIMITS)
    expect(certificate.kind).toBe('commit')
    expect(certificate.seqNr).toBe(node.committedSeqNr)
    expect(certificate.signatures.length).toBe(3)
  })
})
