import { readFileSync, writeFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { MARKET_FEATURES, MARKET_FEATURES_VERSION } from '../../node/features/market-features.ts'
import type { MarketBar } from '../../node/features/market-window.ts'
import { Random } from '../tools/random.ts'
import { featuresAt, sampledMinutes } from './export-features.ts'
import { simulateMarket } from './market.ts'

/**
 *     node models/trade-signal/fixture.ts    rewrites fixture.json
 *
 * A small market with the features that went into training, bit by bit: a node whose features differ would ask the
 * model something that it never learned. Rewrite it only with a new MARKET_FEATURES_VERSION, or another simulator.
 */

interface Fixture {
  readonly version: number
  readonly features: readonly string[]
  /** Unix seconds where the windows end. */
  readonly ends: readonly number[]
  /** Float32 rows, little-endian, one after another. */
  readonly matrix: string
  /** start, high, low, close, volume. */
  readonly bars: readonly (readonly [number, string, string, string, string])[]
}

const SEED = 900_026
const MINUTES = 640
const file = new URL('fixture.json', import.meta.url)

/** The committed bars, and the rows that the training export gave of them. */
export function readFixture(): {
  readonly version: number
  readonly bars: readonly MarketBar[]
  readonly ends: readonly number[]
  readonly matrix: Float32Array
} {
  const { version, matrix, bars, ends } = JSON.parse(readFileSync(file, 'utf8')) as Fixture
  return {
    version,
    ends,
    matrix: new Float32Array(Uint8Array.from(Buffer.from(matrix, 'base64')).buffer),
    bars: bars.map(([start, high, low, close, volume]) => ({
      ...{ start, high: BigInt(high), low: BigInt(low), close: BigInt(close) },
      volumeQuote: BigInt(volume),
    })),
  }
}

/** What fixture.json should hold now. */
export function simulatedFixture() {
  const market = simulateMarket(new Random(SEED), MINUTES)
  const minutes = sampledMinutes(MINUTES)
  const matrix = new Float32Array(minutes.length * MARKET_FEATURES.length)
  minutes.forEach((at, i) => {
    matrix.set(featuresAt(market, at), i * MARKET_FEATURES.length)
  })
  return { bars: market.bars, ends: minutes.map((at) => market.first + 60 * at), matrix }
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const { bars, ends, matrix } = simulatedFixture()
  const head = {
    version: MARKET_FEATURES_VERSION,
    features: MARKET_FEATURES,
    ends,
    matrix: Buffer.from(matrix.buffer).toString('base64'),
  }
  const lines = bars.map(({ start, high, low, close, volumeQuote }) =>
    JSON.stringify([start, ...[high, low, close, volumeQuote].map(String)]),
  )
  writeFileSync(file, `${JSON.stringify(head).slice(0, -1)},"bars":[\n${lines.join(',\n')}\n]}\n`)
  stdout.write(`models/trade-signal/fixture.json: ${bars.length} bars\n`)
}
