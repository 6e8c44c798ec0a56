import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../../node/adapters/libp2p/token-bucket.ts'
import type { MessageClass } from '../../node/ports/network.ts'
import type { Certificate } from '../../node/quorum/certificate.ts'
import { QUORUM_LIMITS, type QuorumLimits } from '../../node/quorum/limits.ts'
import { encodeMessage, MESSAGE_KIND, type Message, type MessageKind } from '../../node/quorum/messages.ts'
import { quorumTraffic } from '../../node/quorum/traffic.ts'
import { babbler, queryFlooder } from './simulation/adversaries/flood.ts'
import { silentLeader } from './simulation/adversaries/silence.ts'
import { FAST, World, type WorldOptions } from './simulation/world.ts'

const MAX_EPOCH = 0xffff_ffff
const MAX_SEQ_NR = 2n ** 64n - 1n

/** Of every kind the largest message that `n` validators can say. */
function largest(n: number, limits: QuorumLimits): readonly Message[] {
  const position = { epoch: MAX_EPOCH, seqNr: MAX_SEQ_NR }
  const signature = new Uint8Array(64)
  const hash = new Uint8Array(32)
  const query = new Uint8Array(limits.query)
  const observation = new Uint8Array(limits.observation)
  const rank = { ...position, committed: true }
  const ofAll = <T extends object>(item: T) => Array.from({ length: n }, (_, oracle) => ({ oracle, ...item }))
  const certificate: Certificate = {
    kind: 'commit',
    ...position,
    inputsHash: hash,
    outcome: new Uint8Array(limits.outcome),
    signatures: ofAll({ signature }),
  }
  return [
    { kind: 'wish', epoch: MAX_EPOCH },
    { kind: 'epoch-start-request', epoch: MAX_EPOCH, rank, signature, certificate },
    { kind: 'epoch-start', epoch: MAX_EPOCH, certificate, proofs: ofAll({ rank, signature }) },
    { kind: 'round-start', ...position, query, seal: new Uint8Array(32) },
    { kind: 'idle', ...position },
    { kind: 'observation', ...position, observation, signature },
    { kind: 'proposal', ...position, query, observations: ofAll({ observation, signature }), signature },
    {
      kind: 'prepare',
      ...position,
      inputsHash: hash,
      outcomeHash: hash,
      signature,
      proposal: { signaturesHash: hash, signature },
    },
    { kind: 'commit', ...position, outcomeHash: hash, signature },
    {
      kind: 'report-signatures',
      seqNr: MAX_SEQ_NR,
      reports: Array.from({ length: limits.reports }, (_, index) => ({
        index,
        configDigest: hash,
        reportHash: hash,
        extraHash: hash,
        signature: new Uint8Array(65),
      })),
    },
    { kind: 'outcome-request', ...position, started: true },
    { kind: 'outcome-response', certificate },
  ]
}

const classOf = (classes: readonly MessageClass[], bytes: Uint8Array): MessageClass => {
  const found = classes.find(({ header }) => header.every((byte, at) => bytes[at] === byte))
  if (found === undefined) throw new RangeError('no class')
  return found
}

describe('sizes', () => {
  it.each([
    [1, QUORUM_LIMITS],
    [4, QUORUM_LIMITS],
    [31, QUORUM_LIMITS],
    [7, { query: 10, observation: 20, outcome: 30, reports: 2 }],
  ])('are those of the largest message of each kind, n=%i', (n, limits) => {
    const classes = quorumTraffic(FAST, n, limits)
    const messages = largest(n, limits)
    expect(messages.map(({ kind }) => kind).sort()).toEqual(Object.keys(MESSAGE_KIND).sort())
    for (const message of messages) {
      const bytes = encodeMessage(message, limits)
      const { name, maxBytes } = classOf(classes, bytes)
      expect([name, maxBytes]).toEqual([message.kind, bytes.length])
    }
  })
})

describe('queues', () => {
  it('hold the largest message of each class, and together a bounded few', () => {
    const classes = quorumTraffic(FAST, 31, QUORUM_LIMITS)
    for (const { queueBytes, maxBytes } of classes) expect(queueBytes).toBeGreaterThanOrEqual(maxBytes)
    const total = classes.reduce((sum, { queueBytes }) => sum + queueBytes, 0)
    expect(total).toBeLessThan(22 * 1024 * 1024)
  })

  it('keep votes and epochs before bulk', () => {
    const droppable = quorumTraffic(FAST, 4, QUORUM_LIMITS).filter((each) => each.droppable)
    const kept: readonly MessageKind[] = [
      'wish',
      'epoch-start-request',
      'epoch-start',
      'prepare',
      'commit',
      'report-signatures',
    ]
    expect(droppable.map(({ name }) => name)).not.toEqual(expect.arrayContaining([...kept]))
    for (const name of kept) expect(droppable.some((each) => each.name === name)).toBe(false)
    expect(droppable.map(({ name }) => name)).toContain('proposal')
  })
})

/** Runs a world and charges what honest validators send, at half the rates that are allowed and with hardly a burst. */
function overQuota(options: WorldOptions, run: (world: World) => void): string[] {
  const world = new World(options)
  const classes = quorumTraffic(world.timing, options.n, QUORUM_LIMITS)
  const buckets = new Map<string, TokenBucket>()
  const over = new Set<string>()
  const seen = new Set<string>()
  const { network } = world
  const send = network.send.bind(network)
  network.send = (from, to, bytes, how) => {
    if (options.behaviours?.[from] === undefined) {
      const { name, ratePerSecond } = classOf(classes, bytes)
      const key = `${from} ${to} ${name}`
      const bucket =
        buckets.get(key) ?? new TokenBucket({ ratePerSecond: ratePerSecond / 2, burst: 10 }, world.now)
      buckets.set(key, bucket)
      seen.add(name)
      if (!bucket.take(1, world.now)) over.add(`${name} at ${Math.round(world.now)} ms`)
    }
    send(from, to, bytes, how)
  }
  run(world)
  expect(seen.size).toBeGreaterThan(3)
  return [...over]
}

describe('rates', () => {
  const until = (ms: number) => (world: World) => void world.run(ms)
  const four = { n: 4, f: 1 }

  it.each<[string, WorldOptions]>([
    ['a good network', { seed: 1, ...four }],
    ['rounds without a pause', { seed: 2, ...four, timing: { deltaRound: 1, deltaGrace: 1, rMax: 1000 } }],
    ['an epoch a round', { seed: 3, ...four, timing: { rMax: 1 } }],
    ['a network that loses a third', { seed: 4, ...four, network: { maxDelayMs: 50, loss: 0.35 } }],
    ['messages that come twice', { seed: 5, ...four, network: { duplicate: 0.3, maxDelayMs: 80 } }],
    ['ten validators', { seed: 6, n: 10, f: 3 }],
    [
      'a slow feed',
      {
        seed: 7,
        ...four,
        timing: { deltaRound: 1500, deltaResend: 400, deltaProgress: 3000, deltaInitial: 900 },
      },
    ],
    ['a disk slower than the round', { seed: 8, ...four, diskMs: [20, 150] }],
    ['nothing to do', { seed: 9, ...four, source: () => ({ query: () => null, observe: (seqNr) => seqNr }) }],
    ['a leader that is silent', { seed: 10, ...four, behaviours: { 1: silentLeader } }],
    ['one that babbles', { seed: 11, ...four, behaviours: { 2: babbler } }],
    ['one that floods rounds', { seed: 12, ...four, behaviours: { 0: queryFlooder } }],
  ])('are twice what honest validators send, over %s', (_what, options) => {
    expect(overQuota(options, until(options.n > 4 ? 2_000 : 6_000))).toEqual([])
  })

  it('are twice what honest validators send, through crashes and partitions', () => {
    const cut = { on: false }
    const options: WorldOptions = {
      seed: 13,
      n: 7,
      f: 2,
      network: { loss: 0.05, link: (from, to) => !cut.on || from < 4 === to < 4 },
    }
    const over = overQuota(options, (world) => {
      for (let n = 1; n <= 12; n++) {
        world.run(n * 1_500)
        cut.on = n % 4 === 1
        const node = world.nodes[n % 7]
        if (node?.machine === null) node.boot()
        else if (n % 2 === 0) node?.crash()
        for (const each of world.nodes) if (each.machine === null && n % 3 === 0) each.boot()
      }
    })
    expect(over).toEqual([])
  })

  it('do not let a validator send without end, at ordinary timing', () => {
    const timing = { ...FAST, deltaRound: 1000, deltaResend: 1000, deltaProgress: 4000, deltaInitial: 2000 }
    for (const { name, ratePerSecond, burst } of quorumTraffic(timing, 31, QUORUM_LIMITS)) {
      const bound = name === 'report-signatures' ? 100 : 12
      expect(ratePerSecond).toBeLessThan(bound)
      expect(burst).toBeLessThan(10 * bound)
    }
  })
})
