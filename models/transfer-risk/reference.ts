import { stdout } from 'node:process'
import { FEATURES } from '../../node/features/transfer-features.ts'
import { writeReference } from '../tools/reference.ts'
import type { Rows } from '../tools/session.ts'
import { featureMatrix, SEEDS } from './export-features.ts'
import { transferRisk } from './model.ts'
import { simulate } from './simulate.ts'

/**
 *     node models/transfer-risk/reference.ts    rewrites reference.json; then run models/tools/manifest.ts
 *
 * The transfers of the validation seeds, honest and not: what the epoch was picked on.
 */

function* blocks(): Generator<Rows> {
  const [first, count] = SEEDS.validation
  for (let seed = first; seed < first + count; seed++) {
    const data = featureMatrix(simulate(seed))
    yield { shape: [data.length / FEATURES.length, FEATURES.length], data }
  }
}

const rows = await writeReference(transferRisk, { inputs: FEATURES, outputs: ['risk'] }, blocks())
stdout.write(`models/transfer-risk/reference.json: ${rows} transfers; run: node models/tools/manifest.ts\n`)
