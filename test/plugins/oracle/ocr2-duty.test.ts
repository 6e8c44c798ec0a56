import {
  encodeAbiParameters,
  type Hex,
  hexToBytes,
  parseAbiParameters,
  toFunctionSelector,
  zeroHash,
} from 'viem'
import { describe, expect, test } from 'vitest'
import { IyiError } from '../../../node/ports/errors.ts'
import { feedDuty } from '../../../plugins/oracle/feed-duty.ts'
import { ocr2Kind } from '../../../plugins/oracle/kinds/ocr2.ts'
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
  attributed,
  dutyContext,
  HOME,
  limits,
  ORIGIN,
  ocr2Context,
  ocr2FeedConfig,
  outcome,
  pin,
} from './kit.ts'

const query = { pins: [pin(17), pin(18, { chainId: AWAY })] }
const round = parseAbiParameters('uint80, int256, uint256, uint256, uint80')

/** A validator of a feed whose contract is an OCR2 aggregator. */
function validator(latest: () => Hex = () => encodeAbiParameters(round, [0n, 0n, 0n, 0n, 0n])) {
  const chain = memoryChain([
    { id: HOME, confirmations: 2 },
    { id: AWAY, confirmations: 1 },
  ])
  const index = memoryIndex()
  for (const chainId of [HOME, AWAY]) {
    chain.grow(chainId, 20)
    index.setHead(chainId, 19n)
  }
  chain.onCall((_chainId, { data }) =>
    data.startsWith(toFunctionSelector('decimals()'))
      ? encodeAbiParameters(parseAbiParameters('uint8'), [8])
      : data.startsWith(toFunctionSelector('latestRoundData()'))
        ? latest()
        : '0x',
  )
  const feed = ocr2FeedConfig()
  const [log, metrics] = [recordingLogger(), recordingMetrics()]
  const watch = rangeWatch({ feed: feed.id }, { log, metrics })
  const inference = scriptedInference(zeroHash)
  const duty = feedDuty(feed, ocr2Kind, {
    chain,
    index,
    trust: memoryTrust(chain),
    clock: instantClock(),
    source: { observe: async () => 777n },
    checkModel: modelGate(feed, undefined, { index, inference }),
    watch,
  })
  const gauge = () => metrics.gauges.get('iyi_oracle_answer_withheld {"feed":"price"}')
  return { duty, watch, log, gauge }
}

/** As the engine: everybody observes, the outcome commits, its duty hears of it. */
async function commit(node: ReturnType<typeof validator>, value: bigint, ctx = ocr2Context()) {
  await node.duty.observe(ctx, query, null)
  const agreed = node.duty.outcome(ctx, query, null, attributed([value, value, value]))
  const { configDigest, seqNr } = ctx
  await node.duty.onOutcome?.({ dutyId: node.duty.id, configDigest, seqNr, epoch: 1, outcome: agreed })
  return { agreed, reports: node.duty.reports(ctx, agreed) }
}

describe('a feed of a foreign contract', () => {
  test('observes, agrees and reports in its contract’s own format', async () => {
    const node = validator()
    await expect(node.duty.observe(ocr2Context(), query, null)).resolves.toEqual({
      value: 777n,
      onchain: null,
    })
    const { agreed, reports } = await commit(node, 777n)
    expect(agreed).toMatchObject({ due: true, modelDigest: zeroHash })
    expect(reports).toEqual(feedReports(ocr2Kind, [node.duty.contract], agreed))
    expect(node.watch.withheld()).toBeNull()
  })

  test('a contract of the other kind is refused by its bytes, both ways', async () => {
    const node = validator()
    const bad = { code: 'ORACLE_BAD_BYTES' }
    await expect(node.duty.observe(dutyContext(), query, null)).rejects.toMatchObject(bad)
    const garbage = { onchainConfig: hexToBytes('0x0102') }
    await expect(node.duty.observe(ocr2Context(garbage), query, null)).rejects.toMatchObject(bad)
  })

  test('an answer that the contract would refuse is withheld, and everybody is told', async () => {
    const node = validator()
    for (const value of [limits.min, limits.max]) {
      expect((await commit(node, value)).reports).toHaveLength(1)
      expect(node.watch.withheld()).toBeNull()
    }
    expect(node.gauge()).toBe(0)
    for (const value of [limits.max + 1n, limits.min - 1n]) {
      const { agreed, reports } = await commit(node, value)
      expect([agreed.agreed, agreed.due, reports]).toEqual([true, false, []])
      expect(node.watch.withheld()).toEqual({ answer: value, limits, timestamp: ORIGIN + 170 })
      expect(node.gauge()).toBe(1)
    }
    expect(node.log.lines).toMatchObject([
      { level: 'warn', fields: { feed: 'price', answer: '1001', max: '1000' } },
    ])
    expect((await commit(node, 500n)).reports).toHaveLength(1)
    expect([node.watch.withheld(), node.gauge()]).toEqual([null, 0])
    expect(node.log.lines.map(({ level }) => level)).toEqual(['warn', 'info'])
  })

  test('of a configuration that it has not seen it says nothing', async () => {
    const node = validator()
    const record = { dutyId: node.duty.id, configDigest: zeroHash, seqNr: 1n, epoch: 1 }
    await node.duty.onOutcome?.({ ...record, outcome: outcome({ answer: 5n, due: false }) })
    expect(node.watch.withheld()).toBeNull()
  })
})

describe('transmits only what is newer than the chain', () => {
  const value = outcome({ observations: [{ oracle: 0, value: 101n, accepted: true }] })

  async function wanted(latest: () => Hex) {
    const { duty } = validator(latest)
    const [report] = feedReports(ocr2Kind, [duty.contract], value)
    if (report === undefined) throw new TypeError('no report')
    return duty.shouldTransmit(ocr2Context(), report, value)
  }
  const startedAt = (time: number) => () => encodeAbiParameters(round, [3n, 5n, BigInt(time), 0n, 3n])

  test('by `startedAt` of the newest round', async () => {
    await expect(wanted(startedAt(ORIGIN + 99))).resolves.toBe(true)
    await expect(wanted(startedAt(ORIGIN + 100))).resolves.toBe(false)
    await expect(wanted(startedAt(ORIGIN + 101))).resolves.toBe(false)
  })

  test('before the first round, be it zeros or a revert', async () => {
    await expect(wanted(() => encodeAbiParameters(round, [0n, 0n, 0n, 0n, 0n]))).resolves.toBe(true)
    const failing = (code: string) => () => {
      throw new IyiError(code, 'no data present', { data: {} })
    }
    await expect(wanted(failing('CHAIN_CALL_REVERTED'))).resolves.toBe(true)
    await expect(wanted(failing('CHAIN_UNAVAILABLE'))).rejects.toMatchObject({ code: 'CHAIN_UNAVAILABLE' })
  })
})
