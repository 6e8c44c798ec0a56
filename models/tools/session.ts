import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { InferenceSession as OrtSession } from 'onnxruntime-node'
import { InferenceSession, Tensor } from '../../node/adapters/onnx/runtime.ts'
import { fileOf, type ModelDescription } from './description.ts'
import { ModelFileError } from './model-file-error.ts'

/** Row-major values of an input. */
export interface Rows {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Integers of some decimals, as goldens.json and torch.json hold inputs. */
export interface UnitRows {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** sha256 of a model's file, hex without 0x. */
export function sha256Of(model: ModelDescription, name: string): string {
  return createHash('sha256')
    .update(readFileSync(fileOf(model, name)))
    .digest('hex')
}

/**
 * Opens the ONNX file. The defaults are those of the published expected outputs: one CPU thread, every graph
 * optimisation.
 */
export function openModel(
  model: ModelDescription,
  options: OrtSession.SessionOptions = {},
): Promise<OrtSession> {
  return InferenceSession.create(readFileSync(fileOf(model, `${model.id}.onnx`)), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    ...options,
  })
}

/** Opens the ONNX file, hands over what answers with it, and closes it again whatever happens. */
export async function withModel<T>(
  model: ModelDescription,
  options: OrtSession.SessionOptions,
  use: (answer: (rows: Rows) => Promise<number[]>) => Promise<T>,
): Promise<T> {
  const session = await openModel(model, options)
  try {
    return await use((rows) => answer(model, session, rows))
  } finally {
    await session.release()
  }
}

/** The model's output for these inputs, row-major. Rejects with MODEL_OUTPUT where there is none of that name. */
export async function answer(model: ModelDescription, session: OrtSession, rows: Rows): Promise<number[]> {
  const result = await session.run({ [model.input.name]: new Tensor('float32', rows.data, rows.shape) })
  const output = result[model.output.name]
  if (!(output?.data instanceof Float32Array)) {
    throw new ModelFileError(
      'MODEL_OUTPUT',
      `${model.id}.onnx has no float32 output "${model.output.name}": export it again`,
    )
  }
  return Array.from(output.data)
}

/** Integers of `decimals` decimals as the float32 that the model is given. */
export function fromUnits({ shape, values }: UnitRows, decimals: number): Rows {
  return { shape, data: Float32Array.from(values, (unit) => unit / 10 ** decimals) }
}

/** value * 10^decimals to the nearest integer, halves away from zero; the product is an IEEE double. */
export function quantise(value: number, decimals: number): bigint {
  if (!Number.isFinite(value)) throw new ModelFileError('MODEL_OUTPUT', `the model answered ${value}`)
  const magnitude = BigInt(Math.floor(Math.abs(value) * 10 ** decimals + 0.5))
  return value < 0 ? -magnitude : magnitude
}
