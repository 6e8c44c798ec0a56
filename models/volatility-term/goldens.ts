import { stdout } from 'node:process'
import { goldensOf, inputOf, readGoldens, writeGoldens } from '../tools/goldens.ts'
import type { UnitRows } from '../tools/session.ts'
import { volatility } from '../volatility/model.ts'
import { volatilityTerm } from './model.ts'

/**
 *     node models/volatility-term/goldens.ts    rewrites the inputs of goldens.json; then run models/tools/manifest.ts
 *
 * The hours of the volatility model's goldens, brought to three pools: the first three, or the last one again.
 */

const [POOLS, BARS] = [3, 360]

function threePools({ shape, values }: UnitRows): UnitRows {
  const last = (shape[1] ?? 1) - 1
  const pools = Array.from({ length: POOLS }, (_, i) => {
    const at = Math.min(i, last) * BARS
    return values.slice(at, at + BARS)
  })
  return { shape: [1, POOLS, BARS], values: pools.flat() }
}

const known = readGoldens(volatility).cases.filter(({ name }) => name !== 'all-zeros-one-pool')
const inputs = Object.fromEntries(
  known.map((golden) => [golden.name, threePools(inputOf(volatility, golden))]),
)
writeGoldens(volatilityTerm, goldensOf(volatilityTerm, inputs))
stdout.write('models/volatility-term/goldens.json has new inputs; run: node models/tools/manifest.ts\n')
