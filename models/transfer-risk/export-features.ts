import { mkdirSync, writeFileSync } from 'node:fs'
import { argv, exit, stderr, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { FEATURES, FEATURES_VERSION } from '../../node/features/transfer-features.ts'
import { TransferStream } from '../../node/features/transfer-stream.ts'
import { ModelFileError } from '../tools/model-file-error.ts'
import { simulate } from './simulate.ts'
import { type LabelledTransfer, PATTERNS } from './world.ts'

/**
 *     node models/transfer-risk/export-features.ts    training matrices into .data, which git does not see
 *
 * Each seed is a file of float32 features, row-major, and one of labels, a byte a row (its index in PATTERNS).
 */

/** Seeds, not transfers, are split. `develop` is for choices made by hand, so that nothing is chosen on `test`. */
export const SEEDS = {
  train: [1000, 36],
  validation: [2000, 8],
  develop: [3000, 4],
  test: [5000, 16],
} as const

/** What the node would see of each transfer as it comes, row-major. */
export function featureMatrix(transfers: readonly LabelledTransfer[]): Float32Array {
  const stream = new TransferStream()
  const rows = new Float32Array(transfers.length * FEATURES.length)
  transfers.forEach(({ transfer }, at) => {
    rows.set(stream.push(transfer), at * FEATURES.length)
  })
  return rows
}

/** Writes every split into a folder, with a description of what is in it. */
function exportSplits(folder: URL, report: (line: string) => void): void {
  mkdirSync(folder, { recursive: true })
  const rows: Record<string, number> = {}
  for (const [split, [first, count]] of Object.entries(SEEDS)) {
    for (let seed = first; seed < first + count; seed++) {
      const transfers = simulate(seed)
      rows[seed] = transfers.length
      exportSeed(folder, seed, transfers)
    }
    report(`${split}: seeds ${first} to ${first + count - 1}`)
  }
  const splits = Object.fromEntries(
    Object.entries(SEEDS).map(([split, [first, count]]) => [split, { first, last: first + count - 1 }]),
  )
  const about = { version: FEATURES_VERSION, features: FEATURES, patterns: PATTERNS, splits, rows }
  writeFileSync(new URL('about.json', folder), `${JSON.stringify(about, null, 1)}\n`)
}

/** One seed's two files. */
export function exportSeed(folder: URL, seed: number, transfers: readonly LabelledTransfer[]): void {
  writeFileSync(new URL(`${seed}.features`, folder), bytes(featureMatrix(transfers)))
  const labels = Uint8Array.from(transfers, ({ pattern }) => PATTERNS.indexOf(pattern))
  writeFileSync(new URL(`${seed}.labels`, folder), labels)
}

function bytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  if (argv.length !== 2) {
    const usage = 'usage: node models/transfer-risk/export-features.ts'
    stderr.write(`${new ModelFileError('MODEL_USAGE', usage).message}\n`)
    exit(1)
  }
  exportSplits(new URL('.data/', import.meta.url), (line) => stdout.write(`${line}\n`))
}
