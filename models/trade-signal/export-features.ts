import { mkdirSync, writeFileSync } from 'node:fs'
import { argv, exit, stderr, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import {
  MARKET_DIRECTIONS,
  MARKET_FEATURES,
  MARKET_FEATURES_VERSION,
  marketFeatures,
} from '../../node/features/market-features.ts'
import { MARKET_BAR_SECONDS, MARKET_WINDOW, marketWindow } from '../../node/features/market-window.ts'
import { ModelFileError } from '../tools/model-file-error.ts'
import { Random } from '../tools/random.ts'
import { HORIZON, REGIMES, type SimulatedMarket, simulateMarket } from './market.ts'

/**
 *     node models/trade-signal/export-features.ts    training matrices into .data, which git does not see
 *
 * Each split is a file of float32 features, row-major, and one of float32 targets (TARGETS).
 */

/** First seed, and how many markets. `develop` is for choices made by hand, so that nothing is chosen on `test`. */
const SEEDS = {
  train: [1000, 400],
  validation: [2000, 60],
  develop: [3000, 60],
  test: [5000, 120],
} as const
const MINUTES = 6 * 1440
/** Minutes between two samples of a market. */
const STRIDE = 10

/** `delayed` begins a minute after the signal, when somebody may act on it. Returns are logs of the mid's ratio. */
const TARGETS = ['return', 'delayed', 'halfSpread', 'hidden', 'regime', 'market'] as const

/** What the node would see where minute `at` begins. */
export function featuresAt({ bars, first }: SimulatedMarket, at: number): Float32Array {
  const end = first + at * MARKET_BAR_SECONDS
  const since = end - (2 * MARKET_WINDOW + 1) * MARKET_BAR_SECONDS
  // Bars come in order: those long before the window, and after it, are left out.
  return marketFeatures(marketWindow(between(bars, since, end), end))
}

function between<T extends { readonly start: number }>(
  bars: readonly T[],
  from: number,
  to: number,
): readonly T[] {
  return bars.slice(firstAt(bars, from), firstAt(bars, to))
}

function firstAt(bars: readonly { readonly start: number }[], start: number): number {
  let [low, high] = [0, bars.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((bars[middle]?.start ?? start) < start) low = middle + 1
    else high = middle
  }
  return low
}

/** Minutes at which a market is sampled: those with a whole window before and a horizon after them. */
export function sampledMinutes(minutes: number): number[] {
  const all: number[] = []
  for (let at = 2 * MARKET_WINDOW; at + HORIZON < minutes; at += STRIDE) all.push(at)
  return all
}

/** Features and targets of one market, row-major. */
export function exportMarket(seed: number, minutes = MINUTES): { features: number[]; targets: number[] } {
  const market = simulateMarket(new Random(seed), minutes)
  const { mids, regimes, hidden, halfSpread } = market
  const [features, targets]: [number[], number[]] = [[], []]
  for (const at of sampledMinutes(minutes)) {
    const [before, next, after] = [at - 1, at, at - 1 + HORIZON].map((minute) => mids[minute] ?? 0)
    features.push(...featuresAt(market, at))
    targets.push((after ?? 0) - (before ?? 0), (after ?? 0) - (next ?? 0), halfSpread)
    targets.push(hidden[at - 1] ?? 0, REGIMES.indexOf(regimes[at - 1] ?? 'none'), seed)
  }
  return { features, targets }
}

function exportSplits(folder: URL, report: (line: string) => void): void {
  mkdirSync(folder, { recursive: true })
  for (const [split, [first, count]] of Object.entries(SEEDS)) {
    const parts = Array.from({ length: count }, (_, i) => exportMarket(first + i))
    writeFileSync(new URL(`${split}.features`, folder), bytes(parts.flatMap(({ features }) => features)))
    writeFileSync(new URL(`${split}.targets`, folder), bytes(parts.flatMap(({ targets }) => targets)))
    report(`${split}: seeds ${first} to ${first + count - 1}`)
  }
  const splits = Object.fromEntries(
    Object.entries(SEEDS).map(([split, [first, count]]) => [split, { first, last: first + count - 1 }]),
  )
  const about = {
    version: MARKET_FEATURES_VERSION,
    features: MARKET_FEATURES,
    directions: MARKET_DIRECTIONS,
    targets: TARGETS,
    regimes: REGIMES,
    horizonMinutes: HORIZON,
    splits,
  }
  writeFileSync(new URL('about.json', folder), `${JSON.stringify(about, null, 1)}\n`)
}

function bytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer)
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  if (argv.length !== 2) {
    const usage = 'usage: node models/trade-signal/export-features.ts'
    stderr.write(`${new ModelFileError('MODEL_USAGE', usage).message}\n`)
    exit(1)
  }
  exportSplits(new URL('.data/', import.meta.url), (line) => stdout.write(`${line}\n`))
}
