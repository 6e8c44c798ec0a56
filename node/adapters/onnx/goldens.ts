import { z } from 'zod'
import type { Tensor } from '../../ports/inference.ts'
import { ModelRefusal } from './inference-error.ts'
import type { ManifestModel } from './manifest.ts'
import { agree, distance } from './quantize.ts'

const goldensSchema = z.strictObject({
  model: z.string(),
  /** Inputs are integers of this many decimals. */
  inputDecimals: z.int().min(0).max(12),
  outputDecimals: z.int().min(0).max(18),
  cases: z
    .array(
      z.strictObject({
        name: z.string(),
        inputs: z.record(
          z.string(),
          z.strictObject({ shape: z.array(z.int().positive()), values: z.array(z.int()) }),
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
    return {
      name: golden.name,
      inputs: Object.fromEntries(
        Object.entries(golden.inputs).map(([name, { shape, values }]) => [
          name,
          { type: 'float32', shape, data: Float32Array.from(values, (value) => value / 10 ** inputDecimals) },
        ]),
      ),
      expected: expected.map(BigInt),
    }
  })
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
