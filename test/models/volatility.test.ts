import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { execPath } from 'node:process'
import { promisify } from 'node:util'
import type { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkManifest, readGoldens, withinTolerance } from '../../models/volatility/manifest.ts'
import { forecast, openModel, quantise } from '../../models/volatility/session.ts'

const models = new URL('../../models/', import.meta.url)

function sha256(file: string): string {
  return createHash('sha256')
    .update(readFileSync(new URL(file, models)))
    .digest('hex')
}

interface Entry {
  readonly id: string
  readonly file: string
  readonly sha256: string
  readonly goldens: { readonly file: string; readonly sha256: string }
}

/** Seeded linear congruential generator (Knuth, TAOCP 2, 3.3.4), so that a failure can be repeated. */
function integers(seed: number, count: number, bound: number): number[] {
  let state = BigInt(seed)
  return Array.from({ length: count }, () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return (Number(state >> 33n) % (2 * bound + 1)) - bound
  })
}

const decimals = 7

describe('volatility model', () => {
  let session: InferenceSession
  beforeAll(async () => {
    session = await openModel()
  })
  afterAll(() => session.release())

  it('has the files that the manifest binds', () => {
    const manifest = JSON.parse(readFileSync(new URL('manifest.json', models), 'utf8')) as { models: Entry[] }
    const entry = manifest.models.find((model) => model.id === 'volatility')
    expect(entry?.sha256).toBe(sha256('volatility/volatility.onnx'))
    expect(entry?.goldens.sha256).toBe(sha256('volatility/goldens.json'))
    expect(statSync(new URL('volatility/volatility.onnx', models)).size).toBeLessThan(200_000)
    expect(session.inputNames).toEqual(['log_returns'])
    expect(session.outputNames).toEqual(['volatility'])
  })

  it('reproduces every golden within tolerance', async () => {
    const goldens = readGoldens()
    expect(goldens.cases.length).toBeGreaterThanOrEqual(8)
    for (const { name, inputs, outputs } of goldens.cases) {
      const { shape, values } = inputs.log_returns
      const got = await forecast(session, shape, values, goldens.inputDecimals)
      expect(got, name).toHaveLength(outputs.volatility.length)
      for (const [i, value] of got.entries()) {
        const expected = BigInt(outputs.volatility[i] ?? '-1')
        expect(withinTolerance(quantise(value, goldens.outputDecimals), expected), name).toBe(true)
      }
    }
  })

  it('has a manifest that is current', async () => {
    await expect(checkManifest()).resolves.toBeUndefined()
    const script = new URL('volatility/manifest.ts', models).pathname
    await expect(promisify(execFile)(execPath, [script, '--check'])).resolves.toBeDefined()
  })

  it('answers the same in whatever order the pools come', async () => {
    const pools = Array.from({ length: 5 }, (_, i) => integers(i + 1, 360, 4000 * (i + 1)))
    const [forward] = await forecast(session, [1, 5, 360], pools.flat(), decimals)
    const [backward] = await forecast(session, [1, 5, 360], pools.toReversed().flat(), decimals)
    expect(withinTolerance(quantise(forward ?? 0, 8), quantise(backward ?? 1, 8))).toBe(true)
  })

  it('answers each of a batch as if it were alone', async () => {
    const hours = [integers(11, 720, 2000), integers(12, 720, 30_000), new Array<number>(720).fill(0)]
    const together = await forecast(session, [3, 2, 360], hours.flat(), decimals)
    for (const [i, hour] of hours.entries()) {
      const [alone] = await forecast(session, [1, 2, 360], hour, decimals)
      expect(withinTolerance(quantise(together[i] ?? 1, 8), quantise(alone ?? 0, 8))).toBe(true)
    }
  })

  it('stays finite and positive for any number of pools, still or wild', async () => {
    for (const pools of [1, 2, 16]) {
      const [still] = await forecast(
        session,
        [1, pools, 360],
        new Array<number>(pools * 360).fill(0),
        decimals,
      )
      expect(still).toBeGreaterThan(0)
      expect(still).toBeLessThan(0.0001)
      const wild = integers(pools, pools * 360, 10_000_000)
      const [high] = await forecast(session, [1, pools, 360], wild, decimals)
      expect(Number.isFinite(high)).toBe(true)
      expect(high).toBeGreaterThan(0.1)
    }
  })

  it('forecasts more when the market has moved more', async () => {
    const base = integers(21, 720, 3000)
    const quiet = await forecast(session, [1, 2, 360], base, decimals)
    const loud = await forecast(
      session,
      [1, 2, 360],
      base.map((unit) => unit * 5),
      decimals,
    )
    expect(loud[0]).toBeGreaterThan((quiet[0] ?? 0) * 2)
  })
})

describe('quantise', () => {
  it('rounds halves away from zero and refuses what is not finite', () => {
    expect([quantise(0.5, 0), quantise(-0.5, 0), quantise(2.5, 0), quantise(0.012, 8)]).toEqual([
      1n,
      -1n,
      3n,
      1_200_000n,
    ])
    expect(() => quantise(Number.NaN, 8)).toThrowError(expect.objectContaining({ code: 'MODEL_OUTPUT' }))
  })
})
