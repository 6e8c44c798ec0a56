import { readFileSync } from 'node:fs'
import { exit, stdout } from 'node:process'
import { fileOf, type ModelDescription } from './description.ts'
import { inputOf } from './goldens.ts'
import { shippedModels } from './registry.ts'
import { fromUnits, type UnitRows, withModel } from './session.ts'
import { driftOf } from './tolerance.ts'

/**
 *     node models/tools/check.ts    how far ONNX Runtime lies from torch, for every model
 *
 * Exits with 1 if an answer leaves the model's tolerance.
 */

/** What train.py wrote of torch's own answers. */
interface TorchCases {
  readonly inputDecimals: number
  readonly cases: readonly {
    readonly inputs: Readonly<Record<string, UnitRows>>
    readonly outputs: Readonly<Record<string, readonly number[]>>
  }[]
}

function driftFromTorch(model: ModelDescription) {
  const { inputDecimals, cases } = JSON.parse(readFileSync(fileOf(model, 'torch.json'), 'utf8')) as TorchCases
  return withModel(model, {}, async (answer) => {
    const got: number[] = []
    for (const golden of cases) got.push(...(await answer(fromUnits(inputOf(model, golden), inputDecimals))))
    return driftOf(
      model,
      got,
      cases.flatMap(({ outputs }) => outputs[model.output.name] ?? []),
    )
  })
}

let failed = false
for (const model of shippedModels) {
  const { units, ppm, outside, answers } = await driftFromTorch(model)
  if (outside > 0) failed = true
  stdout.write(
    `${model.id.padEnd(18)} max ${units} units, ${ppm.toFixed(3)} ppm, ${outside} of ${answers} outside the tolerance\n`,
  )
}
exit(failed ? 1 : 0)
