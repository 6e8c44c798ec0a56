import { keccak256 } from 'viem'
import { describe, expect, test } from 'vitest'
import type { FeedQuery } from '../../../plugins/oracle/feed-types.ts'
import { type ModelSourceConfig, modelSource, singleOf } from '../../../plugins/oracle/sources/model.ts'
import { scriptedInference } from '../../fakes/inference.ts'
import { AWAY, barRow, modelFeedConfig, ORIGIN, POOL_AWAY, pin, readIndex } from './kit.ts'

// The window of the scripted model is 6 bars; the pins below make it end at ORIGIN + 100.
const query = { pins: [pin(10, { timestamp: ORIGIN + 109 }), pin(20, { chainId: AWAY })] }
const CLOSE = 10n ** 12n
const MODEL = keccak256('0x07')
const noData = { code: 'ORACLE_NO_DATA', retry: true }

function setUp(changes: Record<string, unknown> = {}) {
  const index = readIndex()
  const inference = scriptedInference(MODEL)
  const source = modelFeedConfig({ minTradedBars: 2, ...changes }).source as ModelSourceConfig
  const home = (at: number, close: bigint) => index.add('poolBar', barRow(ORIGIN + at, close))
  const away = (at: number, close: bigint) =>
    index.add('poolBar', barRow(ORIGIN + at, close, { chainId: AWAY, pool: POOL_AWAY }))
  const start = (decimals = 8) => {
    const { observe } = singleOf('volatility', modelSource({ source, decimals }, { index, inference }))
    return (query: FeedQuery) => observe(query, MODEL)
  }
  const vector = (decimals = 8) => {
    const { observe } = modelSource({ source, decimals }, { index, inference })
    return () => observe(query, MODEL)
  }
  return { index, inference, home, away, start, vector }
}

/** Two pools with history, the second one priced the other way round. */
function traded(changes: Record<string, unknown> = {}) {
  const market = setUp(changes)
  market.home(30, CLOSE)
  market.home(50, CLOSE * 2n)
  market.home(90, CLOSE)
  market.home(100, CLOSE * 9n)
  market.away(-500, CLOSE)
  market.away(40, CLOSE / 2n)
  return market
}

const LN2 = Math.fround(Math.log(2))

test('one row a pool, ending with the newest bar closed on both chains', async () => {
  const { inference, start } = traded()
  await expect(start()(query)).resolves.toBe(1_200_000n)
  const [request] = inference.requests
  expect(request?.model).toBe(MODEL)
  const tensor = request?.inputs.log_returns
  expect(tensor?.shape).toEqual([1, 2, 6])
  expect([...(tensor?.data ?? [])].map((value) => Number(value) + 0)).toEqual([
    0,
    LN2,
    0,
    0,
    0,
    -LN2,
    LN2,
    0,
    0,
    0,
    0,
    0,
  ])
})

test('a chain that stands still is left out, and does not hold the window back', async () => {
  const { inference, start, home } = traded({ maxChainLagSeconds: 300 })
  home(370, CLOSE)
  home(390, CLOSE)
  await start()({ pins: [pin(40), pin(9, { chainId: AWAY, timestamp: ORIGIN + 99 })] })
  expect(inference.requests[0]?.inputs.log_returns?.shape).toEqual([1, 1, 6])
})

describe('several numbers', () => {
  test('are given in the order of the model', async () => {
    const { inference, vector } = traded()
    inference.answer([3n, 1n, 2n])
    await expect(vector()()).resolves.toEqual([3n, 1n, 2n])
  })

  test('a model of a fixed number of pools gets the first ones again', async () => {
    const { inference, vector } = traded()
    inference.set({ inputs: [{ name: 'log_returns', type: 'float32', shape: [null, 3, 6] }] })
    await vector()()
    const tensor = inference.requests[0]?.inputs.log_returns
    expect(tensor?.shape).toEqual([1, 3, 6])
    const data = [...(tensor?.data ?? [])]
    expect(data.slice(12)).toEqual(data.slice(0, 6))
    expect(data.slice(6, 12)).not.toEqual(data.slice(0, 6))
  })

  test('of fewer pools than the feed has: refused', async () => {
    const { inference, vector } = traded()
    inference.set({ inputs: [{ name: 'log_returns', type: 'float32', shape: [null, 1, 6] }] })
    await expect(vector()()).rejects.toMatchObject({ code: 'ORACLE_MODEL_MISMATCH' })
    expect(inference.requests).toHaveLength(0)
  })
})

describe('refuses to observe', () => {
  test('with less history than the window', async () => {
    const { start, home, away } = setUp()
    home(40, CLOSE)
    away(30, CLOSE)
    await expect(start()(query)).rejects.toMatchObject(noData)
  })

  test('a still market: history, but too few trades in the window', async () => {
    const { inference, start, home, away } = setUp()
    home(30, CLOSE)
    away(-9_000, CLOSE)
    home(50, CLOSE)
    await expect(start()(query)).rejects.toMatchObject({ ...noData, data: { traded: 1, minTradedBars: 2 } })
    away(90, CLOSE)
    await expect(start()(query)).resolves.toBe(1_200_000n)
    expect(inference.requests).toHaveLength(1)
  })

  test('prices that are too small for their bars', async () => {
    const { start, home, away } = setUp()
    home(30, CLOSE)
    away(0, 99_999n)
    away(50, 99_999n)
    home(50, CLOSE)
    await expect(start()(query)).rejects.toMatchObject(noData)
  })

  test('a model of another shape, other decimals, or more than one number', async () => {
    const { inference, start } = traded()
    const mismatch = { code: 'ORACLE_MODEL_MISMATCH' }
    await expect(start(6)(query)).rejects.toMatchObject(mismatch)
    inference.answer([1n, 2n])
    await expect(start()(query)).rejects.toMatchObject(mismatch)
    inference.answer([])
    await expect(start()(query)).rejects.toMatchObject(mismatch)
    for (const shape of [[null, 6], [null, null, null], []]) {
      inference.set({ inputs: [{ name: 'log_returns', type: 'float32', shape }] })
      await expect(start()(query)).rejects.toMatchObject(mismatch)
    }
    inference.set({ id: 'other' })
    await expect(start()(query)).rejects.toMatchObject(mismatch)
  })
})
