import { createHash } from 'node:crypto'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Tensor, TensorType } from '../../node/ports/tensor.ts'

export interface TinyCase {
  readonly inputs: Readonly<
    Record<string, { shape: readonly number[]; values: readonly (number | string)[] }>
  >
  readonly y: readonly (string | bigint)[]
}

interface TinyPort {
  readonly name: string
  readonly type: TensorType
  readonly shape: readonly (number | null)[]
}

export interface Tiny {
  readonly id: string
  readonly version?: string
  readonly bytes: Uint8Array
  readonly inputs: readonly TinyPort[]
  readonly outputs: readonly TinyPort[]
  readonly batched?: boolean
  readonly decimals?: number
  readonly cases: readonly TinyCase[]
  /** More of the manifest's entry. */
  readonly entry?: Readonly<Record<string, unknown>>
}

export const port = (name: string, type: TensorType, shape: readonly (number | null)[]): TinyPort => ({
  ...{ name, type, shape },
})

/** A folder for a manifest and its files, removed with the test. */
export async function tinyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'iyi-tiny-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Writes the files of these models and a manifest that names them, the manifest in one step; returns its path. */
export async function writeTiny(folder: string, models: readonly Tiny[]): Promise<string> {
  const entries = await Promise.all(models.map((model) => writeOne(folder, model)))
  const path = join(folder, 'manifest.json')
  await writeFile(`${path}.new`, JSON.stringify({ models: entries }))
  await rename(`${path}.new`, path)
  return path
}

async function writeOne(folder: string, model: Tiny): Promise<Record<string, unknown>> {
  const { id, version = '1', bytes, decimals = 0, cases } = model
  const goldens = JSON.stringify({
    ...{ model: id, inputDecimals: 0, outputDecimals: decimals },
    cases: cases.map(({ inputs, y }, i) => ({ name: `case ${i}`, inputs, outputs: { y: y.map(String) } })),
  })
  const [file, goldensFile] = [`${id}-${version}.onnx`, `${id}-${version}.json`]
  await writeFile(join(folder, file), bytes)
  await writeFile(join(folder, goldensFile), goldens)
  return {
    ...{ id, version, file, sha256: sha256(bytes), opset: 17 },
    ...{ inputs: model.inputs, outputs: model.outputs, batched: model.batched ?? false, preprocessing: [] },
    quantization: { output: 'y', decimals },
    tolerance: { absolute: '0', relativePpm: 0 },
    goldens: { file: goldensFile, sha256: sha256(Buffer.from(goldens)) },
    ...model.entry,
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export const int64 = (...values: number[]): Tensor => ({
  ...{ type: 'int64', shape: [values.length] },
  data: BigInt64Array.from(values, BigInt),
})

export const float32 = (shape: readonly number[], ...values: number[]): Tensor => ({
  ...{ type: 'float32', shape },
  data: Float32Array.from(values),
})
