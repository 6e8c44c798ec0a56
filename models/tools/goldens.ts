import { readFileSync, writeFileSync } from 'node:fs'
import { fileOf, type ModelDescription } from './description.ts'
import { fromUnits, quantise, type UnitRows, withModel } from './session.ts'

export interface GoldenCase {
  readonly name: string
  readonly inputs: Readonly<Record<string, UnitRows>>
  readonly outputs: Readonly<Record<string, readonly string[]>>
}

export interface Goldens {
  readonly model: string
  readonly inputDecimals: number
  readonly outputDecimals: number
  readonly cases: readonly GoldenCase[]
}

export function readGoldens(model: ModelDescription): Goldens {
  return JSON.parse(readFileSync(fileOf(model, 'goldens.json'), 'utf8')) as Goldens
}

/** Writes one case a line: readable in a diff, and small. */
export function writeGoldens(model: ModelDescription, { cases, ...head }: Goldens): void {
  const lines = cases.map((golden) => JSON.stringify(golden)).join(',\n')
  writeFileSync(
    fileOf(model, 'goldens.json'),
    `${JSON.stringify(head).slice(0, -1)},"cases":[\n${lines}\n]}\n`,
  )
}

/** Golden cases of these inputs, integers of the model's decimals; their outputs are still to be computed. */
export function goldensOf(model: ModelDescription, inputs: Readonly<Record<string, UnitRows>>): Goldens {
  const cases = Object.entries(inputs).map(([name, rows]) => ({
    name,
    inputs: { [model.input.name]: rows },
    outputs: { [model.output.name]: [] },
  }))
  return {
    model: model.id,
    inputDecimals: model.inputDecimals,
    outputDecimals: model.output.decimals,
    cases,
  }
}

/** The rows that a golden case gives to the model. */
export function inputOf(model: ModelDescription, golden: Pick<GoldenCase, 'inputs'>): UnitRows {
  return golden.inputs[model.input.name] ?? { shape: [0], values: [] }
}

/** The goldens with the outputs that the ONNX file gives here and now. */
export function computeGoldens(model: ModelDescription, goldens: Goldens): Promise<Goldens> {
  return withModel(model, {}, async (answer) => {
    const cases: GoldenCase[] = []
    for (const golden of goldens.cases) {
      const out = await answer(fromUnits(inputOf(model, golden), goldens.inputDecimals))
      const units = out.map((value) => quantise(value, model.output.decimals).toString())
      cases.push({ ...golden, outputs: { [model.output.name]: units } })
    }
    return { ...goldens, outputDecimals: model.output.decimals, cases }
  })
}
