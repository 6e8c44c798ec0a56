import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { InferenceSession as OrtSession } from 'onnxruntime-node'
import { InferenceSession, Tensor } from '../../node/adapters/onnx/runtime.ts'

/** Where this model's files lie; every script here works from any folder. */
export const HERE = new URL('./', import.meta.url)

/** A model file that is not what it should be. `code` is stable; the message says what to do next. */
export class ModelFileError extends Error {
  readonly code: 'MODEL_STALE' | 'MODEL_OUTPUT' | 'MODEL_USAGE'
  readonly retry = false

  constructor(code: ModelFileError['code'], message: string) {
    super(message)
    this.name = 'ModelFileError'
    this.code = code
  }
}

/** sha256 of a file next to this script, hex without 0x. */
export function sha256Of(name: string): string {
  return createHash('sha256')
    .update(readFileSync(new URL(name, HERE)))
    .digest('hex')
}

/**
 * Opens the ONNX file. The defaults are those of the published expected outputs: one CPU thread, every graph
 * optimisation.
 */
export function openModel(
  options: OrtSession.SessionOptions = {},
  file = new URL('volatility.onnx', HERE),
): Promise<OrtSession> {
  return InferenceSession.create(readFileSync(file), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    ...options,
  })
}

/**
 * Runs the model on integers of `decimals` decimals, laid out row-major as [batch, pools, 360].
 * Returns one forecast standard deviation for each of the batch.
 */
export async function forecast(
  session: OrtSession,
  shape: readonly number[],
  units: readonly number[],
  decimals: number,
): Promise<number[]> {
  const scale = 10 ** decimals
  const data = Float32Array.from(units, (unit) => unit / scale)
  const result = await session.run({ log_returns: new Tensor('float32', data, shape) })
  const output = result.volatility
  if (output === undefined || output.type !== 'float32' || !(output.data instanceof Float32Array)) {
    throw new ModelFileError(
      'MODEL_OUTPUT',
      'volatility.onnx has no float32 output "volatility": export it again',
    )
  }
  return Array.from(output.data)
}

/** value * 10^decimals to the nearest integer, halves away from zero; the product is an IEEE double. */
export function quantise(value: number, decimals: number): bigint {
  if (!Number.isFinite(value)) throw new ModelFileError('MODEL_OUTPUT', `the model answered ${value}`)
  const magnitude = BigInt(Math.floor(Math.abs(value) * 10 ** decimals + 0.5))
  return value < 0 ? -magnitude : magnitude
}
