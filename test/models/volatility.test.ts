import type { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answer, fromUnits, openModel } from '../../models/tools/session.ts'
import { driftOf } from '../../models/tools/tolerance.ts'
import { volatility } from '../../models/volatility/model.ts'

/** Seeded linear congruential generator (Knuth, TAOCP 2, 3.3.4), so that a failure can be repeated. */
function integers(seed: number, count: number, bound: number): number[] {
  let state = BigInt(seed)
  return Array.from({ length: count }, () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return (Number(state >> 33n) % (2 * bound + 1)) - bound
  })
}

/** One hour of so many pools, in integers of seven decimals. */
const forecast = (session: InferenceSession, shape: readonly number[], values: readonly number[]) =>
  answer(volatility, session, fromUnits({ shape, values }, volatility.inputDecimals))

describe('volatility model', () => {
  let session: InferenceSession
  beforeAll(async () => {
    session = await openModel(volatility)
  })
  afterAll(() => session.release())

  it('answers the same in whatever order the pools come', async () => {
    const pools = Array.from({ length: 5 }, (_, i) => integers(i + 1, 360, 4000 * (i + 1)))
    const forward = await forecast(session, [1, 5, 360], pools.flat())
    const backward = await forecast(session, [1, 5, 360], pools.toReversed().flat())
    expect(driftOf(volatility, forward, backward)).toMatchObject({ outside: 0, answers: 1 })
  })

  it('stays finite and positive for any number of pools, still or wild', async () => {
    for (const pools of [1, 2, 16]) {
      const [still] = await forecast(session, [1, pools, 360], new Array<number>(pools * 360).fill(0))
      expect(still).toBeGreaterThan(0)
      expect(still).toBeLessThan(0.0001)
      const wild = integers(pools, pools * 360, 10_000_000)
      const [high] = await forecast(session, [1, pools, 360], wild)
      expect(Number.isFinite(high)).toBe(true)
      expect(high).toBeGreaterThan(0.1)
    }
  })

  it('forecasts more when the market has moved more', async () => {
    const base = integers(21, 720, 3000)
    const quiet = await forecast(session, [1, 2, 360], base)
    const loud = await forecast(
      session,
      [1, 2, 360],
      base.map((unit) => unit * 5),
    )
    expect(loud[0]).toBeGreaterThan((quiet[0] ?? 0) * 2)
  })
})
