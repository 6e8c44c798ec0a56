import { readdirSync, readFileSync } from 'node:fs'
import { stdout } from 'node:process'
import { fileOf, type ModelDescription } from '../tools/description.ts'
import { writeReference } from '../tools/reference.ts'
import type { Rows } from '../tools/session.ts'
import { volatilityTerm } from '../volatility-term/model.ts'
import { volatility } from './model.ts'

/**
 *     node models/volatility/reference.ts    rewrites reference.json of volatility and volatility-term, from the windows
 *                                            that reference.py wrote; then run models/tools/manifest.ts
 */

const BARS = 360
/** Rows that are answered at once. */
const AT_ONCE = 256

function* blocks(model: ModelDescription): Generator<Rows> {
  const folder = fileOf(model, '.data/')
  for (const name of readdirSync(folder).sort()) {
    const pools = Number(/^reference-\d+-(\d+)\.f32$/.exec(name)?.[1])
    if (Number.isNaN(pools)) continue
    const { buffer, byteOffset, byteLength } = readFileSync(new URL(name, folder))
    const data = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
    const width = pools * BARS
    for (let row = 0; row * width < data.length; row += AT_ONCE) {
      const part = data.subarray(row * width, (row + AT_ONCE) * width)
      yield { shape: [part.length / width, pools, BARS], data: part }
    }
  }
}

const horizons = ['5min', '15min', '1h', '4h']
for (const [model, outputs] of [
  [volatility, ['volatility']],
  [volatilityTerm, horizons],
] as const) {
  // The bars of a window are alike, whichever they are: their returns are one distribution.
  const rows = await writeReference(model, { inputs: ['log_returns'], outputs }, blocks(model))
  stdout.write(`models/${model.id}/reference.json: ${rows} windows; run: node models/tools/manifest.ts\n`)
}
