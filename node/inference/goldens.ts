import { z } from 'zod'
import { elementsOf, type Tensor, type TensorType, tensorTypes } from '../ports/tensor.ts'
import type { ManifestModel } from './manifest.ts'
import { ModelRefusal } from './model-refusal.ts'
import { agree, distance } from './quantize.ts'

export const goldensSchema = z.strictObject({
  model: z.string(),
  /** Inputs of numbers are integers of this many decimals. */
  inputDecimals: z.int().min(0).max(12),
  outputDecimals: z.int().min(0).max(18),
  cases: z
    .array(
      z.strictObject({
        name: z.string(),
        inputs: z.record(
          z.string(),
          z.strictObject({
            shape: z.array(z.int().positive()),
            values: z.union([z.array(z.int()), z.array(z.string())]),
          }),
        ),
        outputs: z.record(z.string(), z.array(z.string().regex(/^(0|-?[1-9][0-9]*)$/))),
      }),
    )
    .min(1),
})

export interface GoldenCase {
  readonly name: string
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly expected: readonly bigint[]
}

/** Reads the goldens of a model from their verified bytes. Throws `ModelRefusal`. */
export function readGoldens(model: ManifestModel, bytes: Uint8Array): GoldenCase[] {
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new ModelRefusal('its goldens are not JSON')
  }
  const parsed = goldensSchema.safeParse(raw)
  if (!parsed.success)
    throw new ModelRefusal(
      `its goldens are malformed: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
    )
  const { inputDecimals, outputDecimals, cases } = parsed.data
  if (parsed.data.model !== model.id || outputDecimals !== model.quantization.decimals)
    throw new ModelRefusal('its goldens are of another model or other decimals')
  return cases.map((golden) => {
    const expected = golden.outputs[model.quantization.output]
    if (expected === undefined || expected.length === 0)
      throw new ModelRefusal(`golden ${golden.name} has no ${model.quantization.output}`)
    const inputs = Object.entries(golden.inputs).map(([name, { shape, values }]) => {
      const type = model.inputs.find((port) => port.name === name)?.type
      if (type === undefined) throw new ModelRefusal(`golden ${golden.name} has an input ${name} too many`)
      return [name, goldenTensor(type, shape, values, inputDecimals)] as const
    })
    return { name: golden.name, inputs: Object.fromEntries(inputs), expected: expected.map(BigInt) }
  })
}

/** A tensor of integers of `decimals` decimals, or of texts. Throws `ModelRefusal`. */
export function goldenTensor(
  type: TensorType,
  shape: readonly number[],
  values: readonly (number | string)[],
  decimals: number,
): Tensor {
  const texts = values.every((value) => typeof value === 'string')
  if (values.length !== elementsOf(shape) || (texts !== (type === 'string') && values.length > 0))
    throw new ModelRefusal(`its goldens have an input that is no ${type} of the shape [${shape}]`)
  const scaled = (value: number | string) => Number(value) / 10 ** decimals
  switch (type) {
    case 'string':
      return { type, shape, data: values.map(String) }
    case 'int64':
      return { type, shape, data: BigInt64Array.from(values, (value) => BigInt(Math.round(scaled(value)))) }
    case 'float16':
      return { type, shape, data: new Uint16Array(Float16Array.from(values, scaled).buffer) }
    default:
      return { type, shape, data: tensorTypes[type].array.from(values.map(scaled)) } as Tensor
  }
}

/**
 * Runs every golden case and compares within the manifest's tolerance. Rejects with `ModelRefusal` at the first case
 * that differs.
 */
export async function checkGoldens(
  model: ManifestModel,
  goldens: readonly GoldenCase[],
  run: (inputs: Readonly<Record<string, Tensor>>) => Promise<readonly bigint[]>,
): Promise<void> {
  const tolerance = {
    absolute: BigInt(model.tolerance.absolute),
    relativePpm: model.tolerance.relativePpm,
  }
  for (const golden of goldens) {
    const got = await run(golden.inputs)
    if (got.length !== golden.expected.length)
      throw new ModelRefusal(
        `golden ${golden.name} gave ${got.length} values instead of ${golden.expected.length}`,
      )
    for (const [i, value] of got.entries()) {
      const expected = golden.expected[i] ?? 0n
      const gap = distance(value, expected)
      if (!agree(value, expected, tolerance))
        throw new ModelRefusal(
          `golden ${golden.name} gave ${value} at ${i} instead of ${expected}, ${gap} units apart and outside the tolerance`,
        )
    }
  }
}
