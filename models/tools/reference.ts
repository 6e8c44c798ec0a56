import { readFileSync, writeFileSync } from 'node:fs'
import { quantileBins } from '../../node/inference/drift/quantile-bins.ts'
import type { Reference } from '../../node/inference/drift/reference.ts'
import { fileOf, type ModelDescription } from './description.ts'
import { ModelFileError } from './model-file-error.ts'
import { type Rows, withModel } from './session.ts'

/** The reference that a model's folder has; null where there is none. */
export function readReference(model: Pick<ModelDescription, 'id'>): Reference | null {
  let text: string
  try {
    text = readFileSync(fileOf(model, 'reference.json'), 'utf8')
  } catch {
    return null
  }
  return JSON.parse(text) as Reference
}

/**
 * Writes a model's reference.json from a sample of its inputs; the outputs are what the ONNX file answers. Resolves with
 * how many rows there were. Rejects with MODEL_OUTPUT where there is no row.
 *
 * @param columns names of what the last axis of the input holds; one name stands for all values of the tensor
 */
export async function writeReference(
  model: ModelDescription,
  columns: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
  blocks: Iterable<Rows>,
): Promise<number> {
  const [inputs, outputs] = [
    columns.inputs.map(() => [] as Float32Array[]),
    columns.outputs.map(() => [] as Float32Array[]),
  ]
  let rows = 0
  await withModel(model, {}, async (answer) => {
    for (const block of blocks) {
      rows += block.shape[0] ?? 0
      spread(block.data, inputs)
      spread(Float32Array.from(await answer(block)), outputs)
    }
  })
  if (rows === 0)
    throw new ModelFileError('MODEL_OUTPUT', `there is no sample of ${model.id}: make its .data first`)
  const distribution = (
    tensor: string,
    names: readonly string[],
    parts: readonly (readonly Float32Array[])[],
  ) => ({
    tensor,
    columns: names.map((name, i) => ({ name, ...quantileBins(joined(parts[i] ?? [])) })),
  })
  const reference = {
    inputs: [distribution(model.input.name, columns.inputs, inputs)],
    outputs: [distribution(model.output.name, columns.outputs, outputs)],
  }
  writeFileSync(fileOf(model, 'reference.json'), printed(reference))
  return rows
}

/** Values of the last axis to their columns. */
function spread(data: Float32Array, columns: readonly Float32Array[][]): void {
  const width = columns.length
  columns.forEach((parts, i) => {
    const part = new Float32Array(data.length / width)
    for (let row = 0; row < part.length; row++) part[row] = data[row * width + i] ?? 0
    parts.push(part)
  })
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** A column a line: readable in a diff. */
function printed(
  reference: Readonly<
    Record<'inputs' | 'outputs', readonly { tensor: string; columns: readonly object[] }[]>
  >,
) {
  const tensors = (kind: 'inputs' | 'outputs') =>
    reference[kind]
      .map(({ tensor, columns }) => {
        const lines = columns.map((column) => JSON.stringify(column)).join(',\n')
        return `{"tensor":${JSON.stringify(tensor)},"columns":[\n${lines}\n]}`
      })
      .join(',')
  return `{"inputs":[${tensors('inputs')}],"outputs":[${tensors('outputs')}]}\n`
}
