import type { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answer, openModel, type Rows } from '../../models/tools/session.ts'
import { studyRows } from '../../models/tools/study-rows.ts'
import { driftOf } from '../../models/tools/tolerance.ts'
import { volatilityTerm } from '../../models/volatility-term/model.ts'

describe('volatility-term model', () => {
  let session: InferenceSession
  beforeAll(async () => {
    session = await openModel(volatilityTerm)
  })
  afterAll(() => session.release())
  const forecast = (rows: Rows) => answer(volatilityTerm, session, rows)
  const [hours = { shape: [0, 3, 360], data: new Float32Array() }] = studyRows(volatilityTerm, 16, 3)

  it('answers the same in whatever order the pools come', async () => {
    const turned = new Float32Array(hours.data.length)
    for (let series = 0; series < hours.data.length / 360; series++) {
      const [hour, pool] = [Math.floor(series / 3), series % 3]
      const at = (hour * 3 + 2 - pool) * 360
      turned.set(hours.data.subarray(series * 360, (series + 1) * 360), at)
    }
    const drift = driftOf(volatilityTerm, await forecast({ ...hours, data: turned }), await forecast(hours))
    expect(drift).toMatchObject({ outside: 0, answers: 64 })
  })

  it('forecasts more at every horizon when the market has moved more', async () => {
    const quiet = await forecast(hours)
    const loud = await forecast({ ...hours, data: hours.data.map((value) => value * 3) })
    const mean = (values: readonly number[], horizon: number) =>
      values.filter((_, i) => i % 4 === horizon).reduce((total, value) => total + Math.log(value), 0) / 16
    for (const horizon of [0, 1, 2, 3])
      expect(mean(loud, horizon) - mean(quiet, horizon), `horizon ${horizon}`).toBeGreaterThan(Math.log(1.5))
  })

  it('forecasts more over longer horizons, on average, and stays finite in still and wild markets', async () => {
    const values = await forecast(hours)
    const means = [0, 1, 2, 3].map((horizon) =>
      values.filter((_, i) => i % 4 === horizon).reduce((total, value) => total + value, 0),
    )
    expect(means).toEqual(means.toSorted((a, b) => a - b))
    for (const size of [0, 1]) {
      const data = new Float32Array(1080).map((_, i) => (i % 2 === 0 ? size : -size))
      const extreme = await forecast({ shape: [1, 3, 360], data })
      expect(extreme.every((value) => Number.isFinite(value) && value > 0)).toBe(true)
    }
  })
})
