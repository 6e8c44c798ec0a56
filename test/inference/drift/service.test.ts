import { expect, test } from 'vitest'
import { featureMatrix } from '../../../models/transfer-risk/export-features.ts'
import { simulate } from '../../../models/transfer-risk/simulate.ts'
import { FEATURES } from '../../../node/features/transfer-features.ts'
import type { Clock, Timer } from '../../../node/ports/clock.ts'
import { modelsFolder, returns, shipped, start } from '../fixture.ts'

const WIDTH = FEATURES.length

/** Real time, and timers that fire when the test says. */
function handClock() {
  const timers: { delayMs: number; fire: () => void }[] = []
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer: (delayMs, fire): Timer => {
      if (delayMs !== 15_000) {
        const real = setTimeout(fire, delayMs)
        return { cancel: () => clearTimeout(real) }
      }
      const timer = { delayMs, fire }
      timers.push(timer)
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) }
    },
  }
  return { clock, tick: () => timers.splice(0).forEach(({ fire }) => void fire()) }
}

/** Every `step`th transfer of an economy that nothing was trained on. */
function sampled(step: number): Float32Array[] {
  const matrix = featureMatrix(simulate(900_001))
  const rows: Float32Array[] = []
  for (let at = 0; at < matrix.length; at += WIDTH * step) rows.push(matrix.slice(at, at + WIDTH))
  return rows
}

test('transfers like those of the training stay below the threshold, others cross it, and the metrics say so', async () => {
  const { clock, tick } = handClock()
  const { inference, metrics } = await start(`${shipped}manifest.json`, { clock })
  const run = async (rows: readonly Float32Array[]) => {
    for (let i = 0; i < rows.length; i += 50) {
      const part = rows.slice(i, i + 50)
      const data = new Float32Array(part.length * WIDTH)
      for (const [at, row] of part.entries()) data.set(row, at * WIDTH)
      await inference.run({
        model: 'transfer-risk',
        inputs: { features: { type: 'float32', shape: [part.length, WIDTH], data } },
      })
    }
  }
  const risk = () => inference.drift().find(({ model }) => model === 'transfer-risk')
  const worst = () => Math.max(...(risk()?.readings ?? []).map(({ psi }) => psi))
  expect(inference.drift().map(({ model }) => model)).toEqual([
    'volatility',
    'transfer-risk',
    'volatility-term',
  ])
  expect(risk()).toMatchObject({ rows: 0, neededRows: 500, readings: [] })

  const rows = sampled(8)
  await run(rows.slice(0, 2_000))
  expect(risk()).toMatchObject({ rows: 2_000 })
  expect(risk()?.readings.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    ...FEATURES.map((name) => `input ${name}`),
    'output risk',
  ])
  expect(worst()).toBeLessThan(0.1)
  tick()
  expect((await metrics.expose()).body).toMatch(
    /iyi_inference_drift_psi\{model="transfer-risk",kind="output",name="risk"\} 0\.0/,
  )
  // And again and again: what was told before is told anew.
  for (let i = 0; i < 3; i++) {
    tick()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await metrics.expose()).body).toMatch(
    /iyi_inference_drift_psi\{model="transfer-risk",kind="output",name="risk"\} 0\.0/,
  )

  // Accounts that are all a hundred times younger, which send what they have at once.
  const young = rows.map((row) =>
    row.map((value, i) => (i === 2 || i === 9 ? Math.max(0, value - Math.log(100)) : value)),
  )
  await run(young)
  const found = new Map(risk()?.readings.map(({ name, psi }) => [name, psi]))
  expect(found.get('senderSpan')).toBeGreaterThan(0.25)
  expect(found.get('pairRepeats')).toBeLessThan(0.1)
})

test('a model without a reference is not watched', async () => {
  const bare = await modelsFolder(({ models }) => {
    for (const model of models) delete model.reference
  })
  const { inference } = await start(bare)
  await inference.run({ model: 'volatility', inputs: returns([1, 2, 360]) })
  expect(inference.drift()).toEqual([])
})

test('a reference that does not fit its model makes the manifest unusable', async () => {
  const wrong = await modelsFolder(({ models }) => {
    const column = { name: 'x', edges: ['0'], counts: [1, 1] }
    for (const model of models)
      model.reference = { inputs: [{ tensor: 'prices', columns: [column] }], outputs: [] }
  })
  await expect(start(wrong)).rejects.toMatchObject({
    code: 'INFERENCE_BAD_MANIFEST',
    message: expect.stringContaining('prices'),
  })
})
