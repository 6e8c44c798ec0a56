import { decodeFunctionData, type Hex, keccak256, parseEventLogs, zeroHash } from 'viem'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { iOcr2AggregatorAbi } from '../../../contracts/abi/IOcr2Aggregator.ts'
import { transmissionRow } from '../../../indexer/src/reducers/feed.ts'
import type { TxSender } from '../../../node/ports/chain.ts'
import type { DutyHandle } from '../../../node/ports/quorum.ts'
import { quorumService } from '../../../node/quorum/service.ts'
import { outcomeCodec } from '../../../plugins/oracle/codecs.ts'
import { feedDuty } from '../../../plugins/oracle/feed-duty.ts'
import { ocr2Kind } from '../../../plugins/oracle/kinds/ocr2.ts'
import { modelGate } from '../../../plugins/oracle/model-gate.ts'
import { type RangeWatch, rangeWatch } from '../../../plugins/oracle/range-watch.ts'
import { latestRound as latestIndexed } from '../../../plugins/oracle/rounds.ts'
import { type Network, openNetwork } from '../../contracts/network.ts'
import { networkChain } from '../../contracts/network-chain.ts'
import { deployForeign, type Foreign, LIMITS, latestRound } from '../../contracts/ocr2-fixture.ts'
import { memoryTrust } from '../../fakes/chain-trust.ts'
import { memoryIndex } from '../../fakes/index-reader.ts'
import { scriptedInference } from '../../fakes/inference.ts'
import {
  type Identity,
  MemoryHub,
  MemoryMetrics,
  MemoryStore,
  realClock,
  silentLog,
} from '../../quorum/memory/ports.ts'
import { feedConfig } from './kit.ts'

/** How far the validators' values are from the true one; the last one lies. */
const OFFSETS = [-2n, 0n, 3n, 5_000n]
const LIAR = 3

let network: Network
let foreign: Foreign
const index = memoryIndex()
const validators: { service: ReturnType<typeof quorumService>; handle: DutyHandle; watch: RangeWatch }[] = []
let truth = 5_000n
let following = true
let follower: Promise<void>

beforeAll(async () => {
  network = await openNetwork()
  foreign = await deployForeign(network, 4)
  const hub = new MemoryHub((run) => setImmediate(run))
  foreign.identities.forEach((identity, at) => {
    validators.push(validator(identity, at, hub))
  })
  follower = follow()
  await Promise.all(validators.map(({ service }) => service.start()))
})

afterAll(async () => {
  await Promise.all(validators.map(({ service }) => service.stop(AbortSignal.timeout(5_000))))
  following = false
  await follower
  await network.close()
})

function feed() {
  const pool = { address: `0x${'0a'.repeat(20)}`, base: 'token0', baseDecimals: 18, quoteDecimals: 6 }
  return feedConfig({
    contract: { chainId: network.chainId, address: foreign.address, kind: 'ocr2' },
    source: { kind: 'pool-price', pools: [{ chainId: network.chainId, ...pool }] },
  })
}

/** A validator as the node makes one, over ports in memory and the real chain. */
function validator(identity: Identity, at: number, hub: MemoryHub) {
  const [config, chain, metrics] = [feed(), networkChain(network), new MemoryMetrics()]
  const { transmitter, peerKey, signers } = identity
  const service = quorumService(
    { transmitter, peerKey },
    {
      transport: hub.transport(),
      store: new MemoryStore(),
      signers,
      chain,
      sender: senderOf(transmitter),
      clock: realClock,
      log: silentLog,
      metrics,
    },
  )
  const watch = rangeWatch({ feed: config.id }, { log: silentLog, metrics })
  const duty = feedDuty(config, ocr2Kind, {
    chain,
    index,
    trust: memoryTrust(chain),
    clock: realClock,
    source: { observe: async () => truth + (OFFSETS[at] ?? 0n) },
    checkModel: modelGate(config, undefined, { index, inference: scriptedInference(zeroHash) }),
    watch,
  })
  return { service, handle: service.register(duty), watch }
}

function senderOf(address: Hex): TxSender {
  return {
    address,
    async send({ to, data }) {
      const hash = await network.wallet.sendTransaction({ to, data, account: address })
      const receipt = await network.public.waitForTransactionReceipt({ hash })
      const { status, blockNumber, gasUsed, effectiveGasPrice } = receipt
      return { hash, status, blockNumber, gasUsed, effectiveGasPrice }
    },
  }
}

/** The chain goes on, and the index follows it through the indexer's own reducer. */
async function follow(): Promise<void> {
  let next = 0n
  while (following) {
    await network.test.mine({ blocks: 1 })
    const head = await network.public.getBlockNumber()
    for (const log of await transmissions(next, head)) {
      const { to, input } = await network.public.getTransaction({ hash: log.transactionHash })
      const { timestamp } = await network.public.getBlock({ blockNumber: log.blockNumber })
      const place = { ...log, chainId: network.chainId, timestamp }
      index.add('feedRound', transmissionRow(place, log.args, { to, input }))
    }
    index.setHead(network.chainId, head)
    next = head + 1n
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function transmissions(fromBlock: bigint, toBlock: bigint) {
  const logs = await network.public.getLogs({ address: foreign.address, fromBlock, toBlock })
  return parseEventLogs({ abi: iOcr2AggregatorAbi, logs, eventName: 'NewTransmission' })
}

const PATIENCE = { timeout: 20_000, interval: 20 }

/** The newest round of the index, once it has so many. */
function indexed(count: bigint) {
  return vi.waitFor(async () => {
    const row = await latestIndexed(index, feed())
    if (row === null || !('answer' in row) || row.roundId < count)
      throw new TypeError(`the index has no round ${count}`)
    return row
  }, PATIENCE)
}

const withheld = (expected: boolean) =>
  vi.waitFor(
    () => expect(validators.map(({ watch }) => watch.withheld() !== null)).toEqual(Array(4).fill(expected)),
    PATIENCE,
  )

test('four validators report to a contract that knows nothing of them', { timeout: 90_000 }, async () => {
  // The first round: there is no report yet.
  const first = await indexed(1n)
  expect(first).toMatchObject({ roundId: 1n, accepted: true, feed: foreign.address.toLowerCase() })
  expect([4_998n, 5_000n, 5_003n]).toContain(first.answer)

  const [log] = await transmissions(first.blockNumber, first.blockNumber)
  const { observations, observers, configDigest, epochAndRound } = log?.args ?? {}
  expect(observations?.[observations.length >> 1]).toBe(first.answer)
  expect(observers?.slice(2).match(/../g)).not.toContain(`0${LIAR}`)
  const { input } = await network.public.getTransaction({ hash: first.transactionHash })
  const { args } = decodeFunctionData({ abi: iOcr2AggregatorAbi, data: input })
  const [context, , rs] = args as unknown as [[Hex, Hex, Hex], Hex, Hex[]]
  expect(rs).toHaveLength(foreign.f + 1)

  // The evidence that a validator keeps is what its signers signed for.
  const seqNr = BigInt(epochAndRound ?? 0) >> 8n
  const record = await validators[0]?.handle.evidence(configDigest ?? '0x', seqNr)
  if (record == null) throw new TypeError('no evidence')
  expect(keccak256(record.outcome)).toBe(context[2])
  expect(first.evidenceDigest).toBe(context[2])
  expect(outcomeCodec.decode(record.outcome)).toMatchObject({ answer: first.answer, due: true })

  // Moved by the deviation: the next report. By less: none.
  truth = 6_000n
  const second = await indexed(2n)
  expect([5_998n, 6_000n, 6_003n]).toContain(second.answer)

  // Out of the contract's limits: agreed on, withheld, and every validator says so.
  truth = LIMITS.max + 100n
  await withheld(true)
  expect(validators[1]?.watch.withheld()).toMatchObject({ limits: LIMITS })
  expect((await latestRound(foreign))[0]).toBe(2n)

  truth = 7_000n
  await indexed(3n)
  await withheld(false)
  expect((await latestRound(foreign))[0]).toBe(3n)
})
