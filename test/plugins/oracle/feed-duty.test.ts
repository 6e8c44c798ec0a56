import { encodeAbiParameters, hexToBytes, keccak256, toFunctionSelector, zeroHash } from 'viem'
import { describe, expect, test } from 'vitest'
import type { DutyContext } from '../../../node/ports/quorum.ts'
import { encodeOnchainConfig } from '../../../plugins/oracle/contract-config.ts'
import { feedDuty } from '../../../plugins/oracle/feed-duty.ts'
import type { FeedQuery, Pin } from '../../../plugins/oracle/feed-types.ts'
import { feedKind } from '../../../plugins/oracle/kinds/feed.ts'
import { modelGate } from '../../../plugins/oracle/model-gate.ts'
import { rangeWatch } from '../../../plugins/oracle/range-watch.ts'
import { feedReports } from '../../../plugins/oracle/report.ts'
import { memoryChain } from '../../fakes/chain-reader.ts'
import { memoryTrust } from '../../fakes/chain-trust.ts'
import { recordingLogger, recordingMetrics } from '../../fakes/host-modules.ts'
import { memoryIndex } from '../../fakes/index-reader.ts'
import { scriptedInference } from '../../fakes/inference.ts'
import { instantClock } from '../../fakes/instant-clock.ts'
import {
  AWAY,
  dutyContext,
  FEED_ADDRESS,
  feedConfig,
  HOME,
  modelFeedConfig,
  ORIGIN,
  onchain,
  outcome,
  pin,
  roundRow,
} from './kit.ts'

const MODEL = keccak256('0x07')
const REGISTRY = {
  chainId: HOME,
  address: '0x00000000000000000000000000000000000000A9',
  startBlock: 0,
} as const

/** A validator whose home chain has 2 confirmations and the other 1, both with 20 blocks. */
function validator(feed = feedConfig(), options: { registry?: typeof REGISTRY } = {}) {
  const chain = memoryChain([
    { id: HOME, confirmations: 2 },
    { id: AWAY, confirmations: 1 },
  ])
  const index = memoryIndex()
  const trust = memoryTrust(chain)
  const inference = scriptedInference(MODEL)
  let latest = 0
  let decimals = 8
  chain.onCall((_chainId, { data }) =>
    encodeAbiParameters(
      [{ type: 'uint256' }],
      [BigInt(data.startsWith(toFunctionSelector('decimals()')) ? decimals : latest)],
    ),
  )
  const grow = (chainId: number, length: number, how: Parameters<typeof chain.grow>[2] = {}) => {
    chain.grow(chainId, length, how)
    index.setHead(chainId, BigInt(length - 1))
  }
  grow(HOME, 20)
  grow(AWAY, 20)
  const duty = feedDuty(feed, feedKind, {
    chain,
    index,
    trust,
    clock: instantClock(),
    source: { observe: async () => 777n },
    checkModel: modelGate(feed, options.registry, { index, inference }),
    watch: rangeWatch({ feed: feed.id }, { log: recordingLogger(), metrics: recordingMetrics() }),
  })
  return {
    chain,
    index,
    trust,
    inference,
    duty,
    grow,
    observe: (
      query: FeedQuery,
      previous: Parameters<typeof duty.observe>[2] = null,
      ctx?: Partial<DutyContext>,
    ) => duty.observe(dutyContext(ctx), query, previous),
    lead: (previous: Parameters<typeof duty.query>[1] = null) => duty.query(dutyContext(), previous),
    setLatest: (value: number) => {
      latest = value
    },
    setDecimals: (value: number) => {
      decimals = value
    },
  }
}

const away = (number: number, changes: Partial<Pin> = {}) => pin(number, { chainId: AWAY, ...changes })
const good = { pins: [pin(17), away(18)] }
const badPin = { code: 'ORACLE_BAD_PIN' }
const at = (home: number, other: number) => outcome({ pins: [pin(home), away(other)] })

describe('leader', () => {
  test('pins the newest block of each chain that has its confirmations and is indexed', async () => {
    const { lead, index } = validator()
    await expect(lead()).resolves.toEqual(good)
    index.setHead(AWAY, 19n, 15n)
    await expect(lead()).resolves.toEqual({ pins: [pin(17), away(15)] })
  })

  test('pins no block above the one that its providers agree on', async () => {
    const { lead, chain, trust } = validator()
    const block = await chain.block(AWAY, 16n)
    trust.agree(AWAY, block)
    await expect(lead()).resolves.toEqual({ pins: [pin(17), away(16)] })
    trust.agree(AWAY, { number: 16n, hash: zeroHash })
    await expect(lead()).rejects.toMatchObject({ code: 'ORACLE_NO_DATA', retry: true })
    trust.agree(AWAY, null)
    await expect(lead()).rejects.toMatchObject({ code: 'ORACLE_NO_DATA', retry: true })
    // As a chain that can't be read: the other one goes on.
    await expect(lead(at(16, 16))).resolves.toEqual({ pins: [pin(17), away(16)] })
  })

  test('says nothing of a feed while one of its chains is halted', async () => {
    const { lead, trust } = validator()
    trust.halt(AWAY)
    for (const previous of [null, at(16, 16), at(17, 18)])
      await expect(lead(previous)).rejects.toMatchObject({ code: 'ORACLE_CHAIN_HALTED', retry: false })
  })

  test('asks nobody while its index is so far behind that all would refuse', async () => {
    const { lead, index } = validator()
    index.setHead(AWAY, 19n, 11n)
    await expect(lead()).rejects.toMatchObject({ code: 'ORACLE_NO_DATA', retry: true })
  })

  test('has nothing to do when no chain moved', async () => {
    const { lead, grow } = validator()
    await expect(lead(at(17, 18))).resolves.toBeNull()
    grow(AWAY, 21)
    await expect(lead(at(17, 18))).resolves.toEqual({ pins: [pin(17), away(19)] })
  })

  test('behind the others it stays at their pins', async () => {
    const { lead } = validator()
    await expect(lead(at(16, 25))).resolves.toEqual({ pins: [pin(17), away(25)] })
    await expect(lead(at(22, 25))).resolves.toBeNull()
  })

  test('before there is a confirmed and indexed block it says so', async () => {
    const { lead, grow, index } = validator()
    grow(HOME, 2)
    await expect(lead()).rejects.toMatchObject({ code: 'ORACLE_NO_DATA', retry: true })
    grow(HOME, 20)
    index.setDown(true)
    await expect(lead()).rejects.toMatchObject({ code: 'INDEX_UNAVAILABLE' })
  })

  test('a chain that cannot be read keeps its pin while another moves, and is no excuse for idleness', async () => {
    const { lead, chain, grow } = validator()
    chain.setDown(AWAY, true)
    await expect(lead(at(17, 18))).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE' })
    await expect(lead()).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE' })
    grow(HOME, 21)
    await expect(lead(at(17, 18))).resolves.toEqual({ pins: [pin(18), away(18)] })
  })
})

describe('follower', () => {
  test('takes only pins that its own providers agree on', async () => {
    const { observe, chain, trust } = validator()
    trust.agree(AWAY, await chain.block(AWAY, 17n))
    await expect(observe(good)).rejects.toMatchObject({ code: 'TRUST_NOT_AGREED', retry: true })
    trust.agree(AWAY, await chain.block(AWAY, 18n))
    await expect(observe(good)).resolves.toMatchObject({ value: 777n })
  })

  test('abstains while a chain of the feed is halted, also where its pin stays', async () => {
    const { observe, trust } = validator()
    trust.halt(AWAY)
    await expect(observe(good)).rejects.toMatchObject({ code: 'ORACLE_CHAIN_HALTED' })
    await expect(observe({ pins: [pin(17), away(16)] }, at(16, 16))).rejects.toMatchObject({
      code: 'ORACLE_CHAIN_HALTED',
    })
  })

  test('observes at good pins', async () => {
    const { observe, index } = validator()
    await expect(observe(good)).resolves.toEqual({ value: 777n, onchain: null })
    const feed = FEED_ADDRESS.toLowerCase() as `0x${string}`
    index.add('feedRound', roundRow(3, { feed, blockNumber: 9n }), roundRow(4, { feed, blockNumber: 18n }))
    await expect(observe(good)).resolves.toEqual({
      value: 777n,
      onchain: { answer: 1_003n, timestamp: ORIGIN + 30 },
    })
    index.add('feedRound', roundRow(5, { feed, blockNumber: 9n, logIndex: 1, roundId: 0n, accepted: false }))
    await expect(observe(good)).resolves.toMatchObject({ onchain: { answer: 1_005n } })
  })

  test.each<[string, readonly Pin[]]>([
    ['another block hash', [pin(17, { hash: zeroHash }), away(18)]],
    ['a wrong timestamp', [pin(17, { timestamp: ORIGIN + 171 }), away(18)]],
    ['no confirmations', [pin(18), away(18)]],
    ['a block that does not exist', [pin(17), away(400)]],
    ['an old block', [pin(5), away(18)]],
    ['no home chain', [away(18)]],
    ['a missing chain', [pin(17)]],
    ['the wrong order', [away(18), pin(17)]],
    ['a chain twice', [pin(17), pin(17)]],
    ['one chain too many', [pin(17), away(18), pin(1, { chainId: 1 })]],
    ['nothing', []],
  ])('refuses %s', async (_name, pins) => {
    const { observe } = validator()
    await expect(observe({ pins })).rejects.toMatchObject(badPin)
  })

  test('refuses repeated pins, and pins that go back', async () => {
    const { observe } = validator()
    await expect(observe(good, at(17, 18))).rejects.toMatchObject(badPin)
    await expect(observe({ pins: [pin(16), away(18)] }, at(17, 17))).rejects.toMatchObject(badPin)
    await expect(observe(good, at(17, 17))).resolves.toMatchObject({ value: 777n })
  })

  test('the oldest pin allowed: maxPinAgeSeconds and 12 s for each confirmation', async () => {
    const { observe } = validator()
    // Head at 190 s; 60 + 24 s of age at the home chain.
    await expect(observe({ pins: [pin(11), away(18)] })).resolves.toMatchObject({ value: 777n })
    await expect(observe({ pins: [pin(10), away(18)] })).rejects.toMatchObject(badPin)
  })

  test('waits for its own head to catch up', async () => {
    const { observe, chain, grow } = validator()
    const blocks = chain.head
    let asked = 0
    chain.head = async (chainId) => {
      if (chainId === HOME && ++asked === 4) grow(HOME, 22)
      return blocks(chainId)
    }
    await expect(observe({ pins: [pin(19), away(18)] })).resolves.toMatchObject({ value: 777n })
    expect(asked).toBe(4)
  })

  test('stops waiting when the round is over', async () => {
    const { observe } = validator()
    const stop = new AbortController()
    const waiting = observe({ pins: [pin(19), away(18)] }, null, { signal: stop.signal })
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('refuses while its index is behind or down', async () => {
    const { observe, index } = validator()
    index.setHead(AWAY, 19n, 17n)
    await expect(observe(good)).rejects.toMatchObject({ code: 'INDEX_BEHIND', retry: true })
    index.setDown(true)
    await expect(observe(good)).rejects.toMatchObject({ code: 'INDEX_UNAVAILABLE', retry: true })
  })

  test('refuses a contract whose decimals differ from its configuration', async () => {
    const { observe, setDecimals } = validator()
    setDecimals(6)
    await expect(observe(good)).rejects.toMatchObject({ code: 'ORACLE_WRONG_DECIMALS' })
    setDecimals(8)
    await expect(observe(good)).resolves.toMatchObject({ value: 777n })
  })

  test('refuses a contract configured with something else', async () => {
    const { observe } = validator()
    const garbage = new Uint8Array([1, 2, 3])
    await expect(observe(good, null, { onchainConfig: garbage })).rejects.toMatchObject({
      code: 'ORACLE_BAD_BYTES',
    })
    await expect(observe(good, null, { pluginConfig: garbage })).rejects.toMatchObject({
      code: 'ORACLE_BAD_BYTES',
    })
  })
})

describe('nothing stalls a feed for ever', () => {
  /** What a leader proposes its followers take, on one and the same view of the chains. */
  async function expectRound(
    node: ReturnType<typeof validator>,
    previous: ReturnType<typeof outcome>,
    pins: Pin[],
  ) {
    const query = await node.lead(previous)
    expect(query).toEqual({ pins })
    await expect(node.observe({ pins }, previous)).resolves.toMatchObject({ value: 777n })
  }
  const forked = async (node: ReturnType<typeof validator>, chainId: number, number: number) => {
    const block = await node.chain.block(chainId, BigInt(number))
    return pin(number, { chainId, hash: block?.hash ?? zeroHash })
  }

  test('the pinned block was reorganised away', async () => {
    const node = validator()
    node.grow(AWAY, 20, { fork: 15, salt: 'other' })
    await expectRound(node, at(17, 18), [pin(17), await forked(node, AWAY, 18)])
  })

  test('the chain shrank below the pin and grows again, younger than the pin', async () => {
    const node = validator()
    node.grow(AWAY, 15, { fork: 10, salt: 'other', timestamps: ORIGIN + 200 })
    const block = await node.chain.block(AWAY, 13n)
    const expected = away(13, { hash: block?.hash ?? zeroHash, timestamp: block?.timestamp ?? 0 })
    await expectRound(node, at(17, 18), [pin(17), expected])
  })

  test('the home chain shrank: its time may fall, the feed goes on', async () => {
    const node = validator()
    node.grow(HOME, 16, { fork: 12, salt: 'other', timestamps: ORIGIN + 45 })
    const block = await node.chain.block(HOME, 13n)
    const expected = pin(13, { hash: block?.hash ?? zeroHash, timestamp: block?.timestamp ?? 0 })
    await expectRound(node, at(17, 17), [expected, away(18)])
    const lone = { value: 5n, onchain: null }
    const next = node.duty.outcome(dutyContext(), { pins: [expected, away(18)] }, at(17, 17), [
      { oracle: 0, value: lone },
      { oracle: 1, value: lone },
      { oracle: 2, value: lone },
    ])
    expect(next.due).toBe(true)
  })

  test('a lagging validator proves nothing: it neither proposes nor takes a way back', async () => {
    const node = validator()
    node.grow(AWAY, 12)
    await expect(node.lead(at(16, 18))).resolves.toEqual({ pins: [pin(17), away(18)] })
    await expect(node.observe({ pins: [pin(17), away(10)] }, at(16, 18))).rejects.toMatchObject(badPin)
  })

  test('a dead chain stays where it was, for the leader and for its followers', async () => {
    const node = validator()
    node.chain.setDown(AWAY, true)
    await expectRound(node, at(16, 18), [pin(17), away(18)])
    await expect(node.observe({ pins: [pin(17), away(19)] }, at(16, 18))).rejects.toMatchObject({
      code: 'CHAIN_UNAVAILABLE',
    })
  })

  test('a chain that stands still keeps its pin', async () => {
    const node = validator()
    node.grow(HOME, 60)
    await expectRound(node, at(17, 18), [pin(57), away(18)])
  })

  test('a pin that reorganised while it is repeated is refused', async () => {
    const node = validator()
    node.grow(AWAY, 20, { fork: 15, salt: 'other' })
    await expect(node.observe(good, at(16, 18))).rejects.toMatchObject(badPin)
  })
})

describe('model', () => {
  const bound = { onchainConfig: hexToBytes(encodeOnchainConfig({ ...onchain, modelDigest: MODEL })) }
  const mismatch = { code: 'ORACLE_MODEL_MISMATCH' }
  const version = {
    id: 'v',
    chainId: HOME,
    registry: REGISTRY.address.toLowerCase() as `0x${string}`,
    modelId: 1n,
    version: 1,
    manifestDigest: MODEL,
    uri: '',
    active: true,
    createdBlock: 1n,
    timestamp: 1n,
  }

  test('a feed that is bound to a model is not computed without it, nor the other way round', async () => {
    await expect(validator().observe(good, null, bound)).rejects.toMatchObject(mismatch)
    await expect(validator(modelFeedConfig()).observe(good)).rejects.toMatchObject(mismatch)
    await expect(validator(modelFeedConfig()).observe(good, null, bound)).resolves.toMatchObject({
      value: 777n,
    })
  })

  test('another digest, a refused model, a model that is not there', async () => {
    const node = validator(modelFeedConfig())
    node.inference.set({ digest: zeroHash })
    await expect(node.observe(good, null, bound)).rejects.toMatchObject(mismatch)
    node.inference.set({ digest: MODEL, status: { ok: false, reason: 'goldens differ' } })
    await expect(node.observe(good, null, bound)).rejects.toMatchObject(mismatch)
    node.inference.set({ id: 'other', status: { ok: true } })
    await expect(node.observe(good, null, bound)).rejects.toMatchObject(mismatch)
  })

  test('unknown to the registry, or switched off in it', async () => {
    const node = validator(modelFeedConfig(), { registry: REGISTRY })
    const inactive = { code: 'ORACLE_MODEL_INACTIVE', retry: true }
    await expect(node.observe(good, null, bound)).rejects.toMatchObject(inactive)
    node.index.add('modelVersion', { ...version, active: false })
    await expect(node.observe(good, null, bound)).rejects.toMatchObject(inactive)
    node.index.add('modelVersion', version)
    await expect(node.observe(good, null, bound)).resolves.toMatchObject({ value: 777n })
  })
})

describe('the pure steps and the transmission', () => {
  const { duty, setLatest } = validator()
  const ctx = dutyContext()

  test('validate: only the feed’s chains, only an int192', () => {
    const observation = { value: 2n ** 191n - 1n, onchain: null }
    expect(() => duty.validate(ctx, good, null, observation)).not.toThrow()
    const bad = { ...observation, value: 2n ** 191n }
    expect(() => duty.validate(ctx, good, null, bad)).toThrow(
      expect.objectContaining({ code: 'ORACLE_BAD_OBSERVATION' }),
    )
    expect(() => duty.validate(ctx, { pins: [pin(1)] }, null, observation)).toThrow(
      expect.objectContaining(badPin),
    )
  })

  test('transmits only what is newer than the chain', async () => {
    const [report] = feedReports(feedKind, [duty.contract], outcome())
    if (report === undefined) throw new TypeError('no report')
    const wanted = async (latest: number) => {
      setLatest(latest)
      return await duty.shouldTransmit(ctx, report, outcome())
    }
    await expect(wanted(0)).resolves.toBe(true)
    await expect(wanted(ORIGIN + 99)).resolves.toBe(true)
    await expect(wanted(ORIGIN + 100)).resolves.toBe(false)
    await expect(wanted(ORIGIN + 101)).resolves.toBe(false)
  })

  test('mirrors get the same report, each asked for itself whether it lacks it', async () => {
    const mirror = { chainId: AWAY, address: '0x00000000000000000000000000000000000000B2' } as const
    const node = validator({ ...feedConfig(), mirrors: [mirror] })
    expect(node.duty.destinations).toEqual([mirror])
    const [home, away, ...more] = node.duty.reports(ctx, outcome())
    if (home === undefined || away === undefined) throw new TypeError('no reports')
    expect(more).toEqual([])
    expect([home.contract, away.contract]).toEqual([node.duty.contract, mirror])
    expect(away.payload).toEqual(home.payload)
    // The mirror has it already, the feed's own contract does not.
    node.chain.onCall((chainId, { data }) => {
      const newest = chainId === AWAY ? ORIGIN + 100 : 0
      const isDecimals = data.startsWith(toFunctionSelector('decimals()'))
      return encodeAbiParameters([{ type: 'uint256' }], [BigInt(isDecimals ? 8 : newest)])
    })
    await expect(node.duty.shouldTransmit(ctx, home, outcome())).resolves.toBe(true)
    await expect(node.duty.shouldTransmit(ctx, away, outcome())).resolves.toBe(false)
  })

  test('a mirror with other decimals is refused', async () => {
    const mirror = { chainId: AWAY, address: '0x00000000000000000000000000000000000000B2' } as const
    const node = validator({ ...feedConfig(), mirrors: [mirror] })
    node.chain.onCall((chainId) =>
      encodeAbiParameters([{ type: 'uint256' }], [BigInt(chainId === AWAY ? 18 : 8)]),
    )
    // Neither the feed nor its own contract are held up by it.
    await expect(node.observe(good)).resolves.toMatchObject({ value: 777n })
    const [home, away] = node.duty.reports(ctx, outcome())
    if (home === undefined || away === undefined) throw new TypeError('no reports')
    await expect(node.duty.shouldTransmit(ctx, away, outcome())).rejects.toMatchObject({
      code: 'ORACLE_WRONG_DECIMALS',
      message: expect.stringContaining(mirror.address),
    })
  })
})
