import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { market, type ProcessParameters, processSchema } from '../../../node/devnet/market/process.ts'
import { seededRandom } from '../../../node/devnet/market/random.ts'

const parameters = processSchema.parse(
  JSON.parse(readFileSync(new URL('../../../models/volatility/process.json', import.meta.url), 'utf8')),
)

function walk(seed: number, steps: number, seconds: number, given = parameters, pools = 2): number[][] {
  const made = market(given, pools, seededRandom(seed))
  return Array.from({ length: steps }, () => [...made.step(seconds)])
}

/** Log returns of the pools' mean. */
function returns(prices: readonly number[][]): number[] {
  const logs = prices.map((row) => row.reduce((sum, price) => sum + Math.log(price), 0) / row.length)
  return logs.slice(1).map((log, at) => log - (logs[at] ?? 0))
}

const deviation = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length)

/** One regime for ever, no jumps, volatility that stands still: a geometric Brownian motion. */
function calm(volPerSqrtHour: number): ProcessParameters {
  return {
    regimes: [
      {
        id: 'only',
        volPerSqrtHour,
        meanDurationHours: 1e9,
        next: { only: 1 },
        priceJumpsPerHour: 0,
        volJumpsPerHour: 0,
      },
    ],
    slowVol: { reversionPerHour: 1, volOfVolPerSqrtHour: 0 },
    fastVol: { reversionPerHour: 1, volOfVolPerSqrtHour: 0 },
    leverage: 0,
    priceJump: { sdInHourlyVols: 0, volJumpLogMean: 1 },
    volJump: { logMean: 1 },
    pools: { noiseSd: [1e-9, 1e-9], reversionPerHour: [1, 1] },
  }
}

test('a seed makes the market repeatable; another seed makes another market', () => {
  expect(walk(5, 50, 10)).toEqual(walk(5, 50, 10))
  expect(walk(5, 50, 10)).not.toEqual(walk(6, 50, 10))
})

test('prices begin near 1, stay positive and finite', () => {
  for (let seed = 0; seed < 20; seed++) {
    const prices = walk(seed, 370, 10).flat()
    expect(prices.every((price) => Number.isFinite(price) && price > 0)).toBe(true)
    for (const price of walk(seed, 1, 1).flat()) expect(Math.abs(price - 1)).toBeLessThan(0.05)
  }
})

test('pools tell the same price but for noise of the size that the parameters give', () => {
  const [, high] = parameters.pools.noiseSd
  const gaps = walk(9, 4_000, 10).map(([a = 1, b = 1]) => Math.log(a / b))
  // The difference of two independent noises.
  expect(deviation(gaps)).toBeLessThan(2 * Math.SQRT2 * high)
  expect(deviation(gaps)).toBeGreaterThan(0)
})

describe('with jumps, regimes and moving volatility switched off', () => {
  test.each([0.01, 0.04])('the hourly volatility is %f, whatever the step', (vol) => {
    for (const seconds of [1, 10, 60]) {
      const measured = deviation(returns(walk(3, 20_000, seconds, calm(vol)))) * Math.sqrt(3600 / seconds)
      expect(measured / vol).toBeGreaterThan(0.97)
      expect(measured / vol).toBeLessThan(1.03)
    }
  })

  test('the price has no drift', () => {
    const ends = Array.from({ length: 400 }, (_, seed) => walk(seed, 60, 60, calm(0.02)).at(-1)?.[0] ?? 0)
    const average = ends.reduce((sum, end) => sum + end, 0) / ends.length
    // Three standard errors of the mean of 400 hours of 2 % volatility.
    expect(Math.abs(average - 1)).toBeLessThan((3 * 0.02) / 20)
  })
})

test('volatility clusters: a wild quarter of an hour follows a wild one', () => {
  let [together, apart] = [0, 0]
  for (let seed = 100; seed < 112; seed++) {
    const moves = returns(walk(seed, 1_440, 60)).map(Math.abs)
    const average = moves.reduce((sum, move) => sum + move, 0) / moves.length
    for (let at = 15; at < moves.length; at++) {
      const now = (moves[at] ?? 0) - average
      together += now * ((moves[at - 1] ?? 0) - average)
      apart += now ** 2
    }
  }
  expect(together / apart).toBeGreaterThan(0.1)
})

test('a malformed process file is refused', () => {
  expect(processSchema.safeParse({ ...parameters, leverage: -3 }).success).toBe(false)
  expect(processSchema.safeParse({ ...parameters, regimes: [] }).success).toBe(false)
})
