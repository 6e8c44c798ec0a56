import { z } from 'zod'
import type { Random } from './random.ts'

/** `models/volatility/process.json`: the market that the volatility model was trained on. Its card explains each value. */
export const processSchema = z.object({
  regimes: z
    .array(
      z.object({
        id: z.string(),
        volPerSqrtHour: z.number().positive(),
        meanDurationHours: z.number().positive(),
        next: z.record(z.string(), z.number().nonnegative()),
        priceJumpsPerHour: z.number().nonnegative(),
        volJumpsPerHour: z.number().nonnegative(),
      }),
    )
    .min(1),
  slowVol: z.object({ reversionPerHour: z.number().positive(), volOfVolPerSqrtHour: z.number() }),
  fastVol: z.object({ reversionPerHour: z.number().positive(), volOfVolPerSqrtHour: z.number() }),
  leverage: z.number().min(-1).max(1),
  priceJump: z.object({ sdInHourlyVols: z.number(), volJumpLogMean: z.number() }),
  volJump: z.object({ logMean: z.number() }),
  pools: z.object({
    noiseSd: z.tuple([z.number(), z.number()]),
    reversionPerHour: z.tuple([z.number(), z.number()]),
  }),
})
export type ProcessParameters = z.infer<typeof processSchema>

/** A simulated market: one efficient log price, and each pool's own mean-reverting distance from it. */
export interface Market {
  /** Moves on by `seconds`; returns each pool's price relative to the start of the walk. */
  step(seconds: number): readonly number[]
}

/** Hours walked before the first price, so that the start is typical of the process. */
const BURN_IN_HOURS = 8

/** Stochastic volatility with jumps in regimes, as specified in the model card's "Data" section, at any step length. */
export function market(parameters: ProcessParameters, pools: number, random: Random): Market {
  const pick = <T>(entries: readonly T[], weight: (entry: T) => number): T => {
    let left = random.uniform() * entries.reduce((sum, entry) => sum + weight(entry), 0)
    for (const entry of entries) {
      left -= weight(entry)
      if (left < 0) return entry
    }
    const last = entries.at(-1)
    if (last === undefined) throw new RangeError('nothing to pick from')
    return last
  }
  const between = ([low, high]: readonly [number, number]) => low * (high / low) ** random.uniform()
  /** Ornstein-Uhlenbeck: standard deviation gained over `hours`. */
  const spread = (reversion: number, vol: number, hours: number) =>
    vol * Math.sqrt((1 - Math.exp(-2 * reversion * hours)) / (2 * reversion))

  let regime = pick(parameters.regimes, () => 1)
  let slow = Math.log(regime.volPerSqrtHour)
  let fast = 0
  let price = 0
  const noises = Array.from({ length: pools }, () => {
    const sd = between(parameters.pools.noiseSd)
    return { sd, reversion: between(parameters.pools.reversionPerHour), value: sd * random.normal() }
  })

  function walk(hours: number): void {
    const { slowVol, fastVol, leverage, priceJump, volJump } = parameters
    if (random.uniform() < 1 - Math.exp(-hours / regime.meanDurationHours)) {
      const { next } = regime
      regime = pick(parameters.regimes, ({ id }) => next[id] ?? 0)
    }
    const vol = Math.exp(slow + fast)
    const shock = random.normal()
    let change = -(vol ** 2 * hours) / 2 + vol * Math.sqrt(hours) * shock
    const anchor = Math.log(regime.volPerSqrtHour)
    slow =
      anchor +
      (slow - anchor) * Math.exp(-slowVol.reversionPerHour * hours) +
      spread(slowVol.reversionPerHour, slowVol.volOfVolPerSqrtHour, hours) * random.normal()
    fast =
      fast * Math.exp(-fastVol.reversionPerHour * hours) +
      spread(fastVol.reversionPerHour, fastVol.volOfVolPerSqrtHour, hours) *
        (leverage * shock + Math.sqrt(1 - leverage ** 2) * random.normal())
    if (random.uniform() < 1 - Math.exp(-regime.priceJumpsPerHour * hours)) {
      change += priceJump.sdInHourlyVols * vol * random.normal()
      fast += random.exponential(priceJump.volJumpLogMean)
    }
    if (random.uniform() < 1 - Math.exp(-regime.volJumpsPerHour * hours))
      fast += random.exponential(volJump.logMean)
    price += change
    for (const noise of noises) {
      const kept = Math.exp(-noise.reversion * hours)
      noise.value = noise.value * kept + noise.sd * Math.sqrt(1 - kept ** 2) * random.normal()
    }
  }

  const stepHours = 10 / 3600
  for (let hours = 0; hours < BURN_IN_HOURS; hours += stepHours) walk(stepHours)
  price = 0
  return {
    step(seconds) {
      walk(seconds / 3600)
      return noises.map((noise) => Math.exp(price + noise.value))
    },
  }
}
