import type { Tensor, Tensors } from '../ports/tensor.ts'
import { joinRows, rowSignature, rowsOf, splitRows } from './batch.ts'
import type { GoldenCase } from './goldens.ts'
import { ModelRefusal } from './model-refusal.ts'

/**
 * Runs the goldens of a batched model as the API's runs are: put together, those that fit. What it answers for each must be
 * what it answers for it alone; whether it is, is the caller's to compare. Rejects with `ModelRefusal` when an output does
 * not have a row for each row of the input, and with what `run` rejects with.
 */
export async function runTogether(
  goldens: readonly GoldenCase[],
  run: (inputs: Tensors) => Promise<Record<string, Tensor>>,
): Promise<Map<Tensors, Record<string, Tensor>>> {
  const groups = new Map<string, Tensors[]>()
  for (const { inputs } of goldens) {
    const signature = rowSignature(inputs)
    groups.set(signature, [...(groups.get(signature) ?? []), inputs])
  }
  const answers = new Map<Tensors, Record<string, Tensor>>()
  for (const group of groups.values()) {
    // One that is alone has itself for company.
    const parts = group.length === 1 ? [...group, ...group] : group
    const counts = parts.map(rowsOf)
    if (counts.includes(null))
      throw new ModelRefusal('it is called batched, and the inputs of a golden differ in their first size')
    const outputs = splitRows(await run(joinRows(parts)), counts as number[])
    if (outputs === null)
      throw new ModelRefusal(
        'it is called batched, and an output does not have a row for each row of the input; say "batched": false',
      )
    for (const [i, inputs] of parts.entries()) answers.set(inputs, outputs[i] ?? {})
  }
  return answers
}
