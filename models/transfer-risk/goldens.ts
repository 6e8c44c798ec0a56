import { stdout } from 'node:process'
import { FEATURES } from '../../node/features/transfer-features.ts'
import { goldensOf, writeGoldens } from '../tools/goldens.ts'
import type { UnitRows } from '../tools/session.ts'
import { featureMatrix } from './export-features.ts'
import { transferRisk } from './model.ts'
import { simulate } from './simulate.ts'
import { PATTERNS } from './world.ts'

/**
 *     node models/transfer-risk/goldens.ts    rewrites the inputs of goldens.json; then run models/tools/manifest.ts
 *
 * Three transfers of each kind from an economy that nothing was trained on, and corner cases made by hand.
 */

const SEED = 900_001
const EACH = 3

function unitsOf(values: Float32Array): UnitRows {
  const scale = 10 ** transferRisk.inputDecimals
  return { shape: [1, FEATURES.length], values: Array.from(values, (value) => Math.round(value * scale)) }
}

const transfers = simulate(SEED)
const matrix = featureMatrix(transfers)
const inputs: Record<string, UnitRows> = {
  'nothing-known': unitsOf(new Float32Array(FEATURES.length)),
  'all-at-their-largest': unitsOf(new Float32Array(FEATURES.length).fill(14)),
  'all-far-below': unitsOf(new Float32Array(FEATURES.length).fill(-14)),
}
for (const pattern of PATTERNS) {
  const rows = transfers.flatMap((entry, at) => (entry.pattern === pattern ? [at] : []))
  // Spread over the time, not the first ones, of which little is known.
  for (let i = 1; i <= EACH; i++) {
    const at = rows[Math.floor((rows.length * i) / (EACH + 1))] ?? 0
    const row = matrix.subarray(at * FEATURES.length, (at + 1) * FEATURES.length)
    inputs[`${pattern}-${i}`] = unitsOf(row)
  }
}
writeGoldens(transferRisk, goldensOf(transferRisk, inputs))
stdout.write('models/transfer-risk/goldens.json has new inputs; run: node models/tools/manifest.ts\n')
