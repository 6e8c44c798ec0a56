import type { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../../models/tools/random.ts'
import { answer, openModel, type Rows } from '../../models/tools/session.ts'
import { exportMarket, featuresAt, sampledMinutes } from '../../models/trade-signal/export-features.ts'
import { readFixture, simulatedFixture } from '../../models/trade-signal/fixture.ts'
import { HORIZON, REGIMES, simulateMarket } from '../../models/trade-signal/market.ts'
import { tradeSignal } from '../../models/trade-signal/model.ts'
import {
  MARKET_DIRECTIONS,
  MARKET_FEATURES,
  MARKET_FEATURES_VERSION,
} from '../../node/features/market-features.ts'
import { seriesFeatures } from '../../node/features/market-series.ts'
import type { SeriesReader } from '../../node/ports/series.ts'
import { candleReader } from '../features/candle-reader.ts'

const COUNT = MARKET_FEATURES.length

describe('training and serving', () => {
  const { bars, ends, matrix, version } = readFixture()

  it('give the same bits for the same candles, read as a node reads them', async () => {
    expect(version).toBe(MARKET_FEATURES_VERSION)
    expect(matrix.length).toBe(ends.length * COUNT)
    const reader: SeriesReader = candleReader(bars, (ends.at(-1) ?? 0) + 1)
    for (const [i, end] of ends.entries())
      expect(await seriesFeatures(reader, { series: 'pool', end }), `row ${i}`).toEqual(
        matrix.slice(i * COUNT, (i + 1) * COUNT),
      )
  })

  it('come from a market that is the same on every machine', () => {
    expect(simulatedFixture()).toEqual({ bars, ends, matrix })
  })
})

describe('the simulated market', () => {
  it('is another one for another seed, and tells what followed', () => {
    const minutes = 1500
    const [one, other] = [exportMarket(7, minutes), exportMarket(8, minutes)]
    expect(one).not.toEqual(other)
    const market = simulateMarket(new Random(7), minutes)
    for (const [i, at] of sampledMinutes(minutes).entries()) {
      expect(one.features.slice(i * COUNT, (i + 1) * COUNT)).toEqual([...featuresAt(market, at)])
      const followed = (market.mids[at - 1 + HORIZON] ?? 0) - (market.mids[at - 1] ?? 0)
      expect(one.targets.slice(i * 6, i * 6 + 3)).toEqual([
        followed,
        (market.mids[at - 1 + HORIZON] ?? 0) - (market.mids[at] ?? 0),
        market.halfSpread,
      ])
    }
  })

  it('hides what it knows of the future in no feature', () => {
    const market = simulateMarket(new Random(11), 900)
    const cut = { ...market, bars: market.bars.filter(({ start }) => start < market.first + 700 * 60) }
    expect(featuresAt(cut, 700)).toEqual(featuresAt(market, 700))
    expect(featuresAt(cut, 710)).not.toEqual(featuresAt(market, 710))
  })
})

describe('trade-signal model', () => {
  let session: InferenceSession
  beforeAll(async () => {
    session = await openModel(tradeSignal)
  })
  afterAll(() => session.release())
  const ask = async (rows: Rows) => {
    const values = await answer(tradeSignal, session, rows)
    return values.flatMap((up, i) => (i % 2 === 0 ? [{ up, edge: values[i + 1] ?? Number.NaN }] : []))
  }

  it('knows more than the toss of a coin in markets with patterns, and acts seldom in those without', async () => {
    const found = Array.from({ length: 24 }, (_, i) => exportMarket(700_000 + i, 2880))
    let [loss, samples, idle, idleActs] = [0, 0, 0, 0]
    for (const { features, targets } of found) {
      const rows = { shape: [features.length / COUNT, COUNT], data: Float32Array.from(features) }
      for (const [i, { up, edge }] of (await ask(rows)).entries()) {
        const [followed = 0, , , , regime = 0] = targets.slice(i * 6, i * 6 + 6)
        if (REGIMES[regime] === 'never') {
          idle++
          idleActs += edge === 0 ? 0 : 1
          continue
        }
        samples++
        loss -= Math.log(followed > 0 ? up : 1 - up)
      }
    }
    expect(samples).toBeGreaterThan(2_000)
    expect(idle).toBeGreaterThan(500)
    expect(loss / samples).toBeLessThan(Math.log(2) - 0.002)
    expect(idleActs / idle).toBeLessThan(0.1)
  })

  it('answers a market upside down with the opposite', async () => {
    const { matrix } = readFixture()
    const mirrored = matrix.map((value, i) => (i % COUNT < MARKET_DIRECTIONS ? -value : value))
    const shape = [matrix.length / COUNT, COUNT]
    const [there, back] = [await ask({ shape, data: matrix }), await ask({ shape, data: mirrored })]
    for (const [i, { up, edge }] of there.entries()) {
      expect(up + (back[i]?.up ?? 0)).toBeCloseTo(1, 5)
      expect(edge + (back[i]?.edge ?? 1)).toBeCloseTo(0, 6)
    }
    expect(new Set(there.map(({ up }) => up)).size).toBeGreaterThan(1)
  })

  it('stays within its bounds, and abstains where nothing moved, whatever it is given', async () => {
    const wild = [0, 6, -6, 1e6, -1e6].map((value) => new Float32Array(COUNT).fill(value))
    const answers = await ask({ shape: [5, COUNT], data: Float32Array.from(wild.flatMap((row) => [...row])) })
    for (const { up, edge } of answers.slice(0, 3)) {
      expect(up >= 0 && up <= 1 && Number.isFinite(edge)).toBe(true)
      expect(edge === 0 || Math.sign(edge) === Math.sign(up - 0.5)).toBe(true)
    }
    const still = new Float32Array(COUNT)
    still[MARKET_FEATURES.indexOf('volatility')] = Math.log(1e-6)
    expect(await ask({ shape: [1, COUNT], data: still })).toEqual([{ up: expect.closeTo(0.5, 5), edge: 0 }])
  })
})
