import { readFileSync, writeFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { FEATURES, FEATURES_VERSION } from '../../node/features/transfer-features.ts'
import { featureMatrix } from './export-features.ts'
import { SMALL, simulate } from './simulate.ts'
import type { LabelledTransfer, Pattern } from './world.ts'

/**
 *     node models/transfer-risk/fixture.ts    rewrites fixture.json
 *
 * A small economy with the features that went into training, bit by bit: a node whose features differ would ask the
 * model something that it never learned. Rewrite it only with a new FEATURES_VERSION, or another simulator.
 */

interface FixtureTransfer {
  readonly block: string
  readonly timestamp: number
  readonly logIndex: number
  readonly token: `0x${string}`
  readonly from: `0x${string}`
  readonly to: `0x${string}`
  readonly value: string
  readonly pattern: Pattern
}

interface Fixture {
  readonly version: number
  readonly features: readonly string[]
  /** Float32 rows, little-endian, one after another. */
  readonly matrix: string
  readonly transfers: readonly FixtureTransfer[]
}

const SEED = 900_026
const file = new URL('fixture.json', import.meta.url)

/** The committed transfers, and the matrix that the training export gave of them. */
export function readFixture(): {
  readonly version: number
  readonly transfers: readonly LabelledTransfer[]
  readonly matrix: Float32Array
} {
  const { version, matrix, transfers } = JSON.parse(readFileSync(file, 'utf8')) as Fixture
  const bytes = Uint8Array.from(Buffer.from(matrix, 'base64'))
  return {
    version,
    matrix: new Float32Array(bytes.buffer),
    transfers: transfers.map(({ pattern, block, value, ...rest }) => ({
      pattern,
      transfer: { ...rest, block: BigInt(block), value: BigInt(value) },
    })),
  }
}

/** What fixture.json should hold now. */
export function simulatedFixture(): readonly LabelledTransfer[] {
  return simulate(SEED, SMALL)
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const transfers = simulatedFixture()
  const { buffer } = featureMatrix(transfers)
  const head = {
    version: FEATURES_VERSION,
    features: FEATURES,
    matrix: Buffer.from(buffer).toString('base64'),
  }
  const lines = transfers.map(({ pattern, transfer: { block, value, ...rest } }) =>
    JSON.stringify({ block: String(block), ...rest, value: String(value), pattern }),
  )
  writeFileSync(file, `${JSON.stringify(head).slice(0, -1)},"transfers":[\n${lines.join(',\n')}\n]}\n`)
  stdout.write(`models/transfer-risk/fixture.json: ${transfers.length} transfers\n`)
}
