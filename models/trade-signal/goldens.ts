import { stdout } from 'node:process'
import { MARKET_DIRECTIONS, MARKET_FEATURES } from '../../node/features/market-features.ts'
import { goldensOf, writeGoldens } from '../tools/goldens.ts'
import { Random } from '../tools/random.ts'
import type { UnitRows } from '../tools/session.ts'
import { featuresAt, sampledMinutes } from './export-features.ts'
import { REGIMES, simulateMarket } from './market.ts'
import { tradeSignal } from './model.ts'

/**
 *     node models/trade-signal/goldens.ts    rewrites the inputs of goldens.json; then run models/tools/manifest.ts
 *
 * Moments of each regime from markets that nothing was trained on, and corner cases made by hand.
 */

const SEEDS = [900_001, 900_002, 900_003, 900_004, 900_005, 900_006]
const EACH = 3

function unitsOf(values: Float32Array): UnitRows {
  const scale = 10 ** tradeSignal.inputDecimals
  return {
    shape: [1, MARKET_FEATURES.length],
    values: Array.from(values, (value) => Math.round(value * scale)),
  }
}

const mirrored = (values: Float32Array) => values.map((value, i) => (i < MARKET_DIRECTIONS ? -value : value))

const extreme = new Float32Array(MARKET_FEATURES.length).fill(6)
const inputs: Record<string, UnitRows> = {
  'nothing-moved': unitsOf(new Float32Array(MARKET_FEATURES.length)),
  'everything-up': unitsOf(extreme),
  'everything-down': unitsOf(mirrored(extreme)),
}
const moments = SEEDS.flatMap((seed) => {
  const market = simulateMarket(new Random(seed), 3 * 1440)
  return sampledMinutes(3 * 1440).map((at) => ({ market, at, regime: market.regimes[at - 1] ?? 'none' }))
})
for (const regime of REGIMES) {
  const found = moments.filter((moment) => moment.regime === regime)
  for (let i = 1; i <= EACH; i++) {
    const moment = found[Math.floor((found.length * i) / (EACH + 1))]
    if (moment !== undefined) inputs[`${regime}-${i}`] = unitsOf(featuresAt(moment.market, moment.at))
  }
}
const upside = inputs['trend-1']
if (upside !== undefined)
  inputs['trend-1-upside-down'] = {
    ...upside,
    values: upside.values.map((unit, i) => (i < MARKET_DIRECTIONS ? 0 - unit : unit)),
  }
writeGoldens(tradeSignal, goldensOf(tradeSignal, inputs))
stdout.write('models/trade-signal/goldens.json has new inputs; run: node models/tools/manifest.ts\n')
