import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { execPath } from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileOf, MODELS } from '../../models/tools/description.ts'
import { inputOf, readGoldens } from '../../models/tools/goldens.ts'
import { checkManifest } from '../../models/tools/manifest.ts'
import { shippedModels } from '../../models/tools/registry.ts'
import { answer, fromUnits, openModel, quantise, sha256Of } from '../../models/tools/session.ts'
import { inBatches, studyRows } from '../../models/tools/study-rows.ts'
import { driftOf, withinTolerance } from '../../models/tools/tolerance.ts'

interface Entry {
  readonly id: string
  readonly file: string
  readonly sha256: string
  readonly batched?: boolean
  readonly goldens: { readonly file: string; readonly sha256: string }
}

const manifest = JSON.parse(readFileSync(new URL('manifest.json', MODELS), 'utf8')) as { models: Entry[] }

it('the manifest is current, and holds every model that ships', async () => {
  await expect(checkManifest()).resolves.toBeUndefined()
  expect(manifest.models.map(({ id }) => id)).toEqual(shippedModels.map(({ id }) => id))
  const script = new URL('tools/manifest.ts', MODELS).pathname
  await expect(promisify(execFile)(execPath, [script, '--check'])).resolves.toBeDefined()
  await expect(promisify(execFile)(execPath, [script, '--nonsense'])).rejects.toMatchObject({ code: 1 })
})

it('the runtime answers what torch did', async () => {
  const script = new URL('tools/check.ts', MODELS).pathname
  const { stdout } = await promisify(execFile)(execPath, [script])
  for (const { id } of shippedModels) expect(stdout).toContain(id)
})

describe.each(shippedModels)('model $id', (model) => {
  let session: Awaited<ReturnType<typeof openModel>>
  beforeAll(async () => {
    session = await openModel(model)
  })
  afterAll(() => session.release())

  it('has the files that the manifest binds, and the inputs and outputs that it names', () => {
    const entry = manifest.models.find(({ id }) => id === model.id)
    expect(entry?.sha256).toBe(sha256Of(model, `${model.id}.onnx`))
    expect(entry?.goldens.sha256).toBe(sha256Of(model, 'goldens.json'))
    expect(entry?.batched).toBe(true)
    expect(statSync(fileOf(model, `${model.id}.onnx`)).size).toBeLessThan(8_000_000)
    expect(session.inputNames).toEqual([model.input.name])
    expect(session.outputNames).toEqual([model.output.name])
    const [input, output] = [session.inputMetadata[0], session.outputMetadata[0]]
    const shapeOf = (port: typeof input) =>
      port?.isTensor ? port.shape.map((side) => (typeof side === 'number' ? side : null)) : []
    expect(shapeOf(input)).toEqual(model.input.shape)
    expect(shapeOf(output)).toEqual(model.output.shape)
  })

  it('reproduces every golden within tolerance', async () => {
    const goldens = readGoldens(model)
    expect(goldens.cases.length).toBeGreaterThanOrEqual(8)
    for (const golden of goldens.cases) {
      const got = await answer(model, session, fromUnits(inputOf(model, golden), goldens.inputDecimals))
      const expected = golden.outputs[model.output.name] ?? []
      expect(got, golden.name).toHaveLength(expected.length)
      expect(got.length, golden.name).toBe(model.output.shape[1])
      for (const [i, value] of got.entries()) {
        const units = quantise(value, model.output.decimals)
        expect(withinTolerance(model, units, BigInt(expected[i] ?? '-1')), golden.name).toBe(true)
      }
    }
  })

  it('answers each row of a batch as if it were alone', async () => {
    for (const rows of studyRows(model, 11, 5)) {
      const together = await answer(model, session, rows)
      const alone: number[] = []
      for (const row of inBatches(rows, 1)) alone.push(...(await answer(model, session, row)))
      expect(driftOf(model, together, alone)).toMatchObject({ outside: 0, answers: alone.length })
      expect(alone.length).toBe((rows.shape[0] ?? 0) * (model.output.shape[1] ?? 0))
    }
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

describe('drift', () => {
  const model = {
    ...shippedModels[0],
    tolerance: { absolute: '20', relativePpm: 100 },
  } as (typeof shippedModels)[0]

  it('is the largest gap, and counts what leaves the tolerance or is missing', () => {
    const drift = driftOf(model, [0.01, 0.02, 0.5], [0.01, 0.020001, 0.5, 0.1])
    expect(drift).toMatchObject({ units: 100n, outside: 1, answers: 4 })
    expect(drift.ppm).toBeCloseTo(50, 1)
    expect(driftOf(model, [0.01, 0.0200021], [0.01, 0.02])).toMatchObject({ units: 210n, outside: 1 })
  })
})
