import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { type OnnxBackendOptions, onnxBackend } from '../../node/adapters/onnx/onnx-backend.ts'
import { pinoLogger } from '../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../node/adapters/prometheus/prometheus-metrics.ts'
import { type InferenceOptions, inferenceService } from '../../node/inference/inference-service.ts'
import type { Clock } from '../../node/ports/clock.ts'
import type { InferenceBackend, Provider } from '../../node/ports/inference-backend.ts'
import type { Tensor } from '../../node/ports/tensor.ts'

export const shipped = new URL('../../models/', import.meta.url).pathname

/** The manifest's only model, as JSON that a test may spoil. */
export interface Entry {
  id: string
  file: string
  sha256: string
  goldens: { file: string; sha256: string }
  inputs: { name: string; shape: (number | null)[] }[]
  [key: string]: unknown
}

/** A copy of the shipped models in a folder of its own. `spoil` may change the manifest and the files. */
export async function modelsFolder(
  spoil: (manifest: { models: Entry[] }, folder: string) => void | Promise<void> = () => {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'iyi-models-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(join(shipped, 'volatility/volatility.onnx'), join(folder, 'volatility/volatility.onnx'))
  await cp(join(shipped, 'volatility/goldens.json'), join(folder, 'volatility/goldens.json'))
  const manifest = JSON.parse(await readFile(join(shipped, 'manifest.json'), 'utf8')) as { models: Entry[] }
  // One is enough to spoil.
  manifest.models = manifest.models.filter(({ id }) => id === 'volatility')
  await spoil(manifest, folder)
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return join(folder, 'manifest.json')
}

/** Starts inference over a manifest, in processes as a node has them; stopped with the test. */
export async function start(
  manifests: string | InferenceOptions['manifests'],
  options: Partial<Omit<OnnxBackendOptions & InferenceOptions, 'providers'>> & {
    providers?: readonly Provider[]
    /** A run that settles a dispute may take so long. */
    referenceMs?: number
    /** What runs the models; ONNX Runtime when absent. */
    backend?: InferenceBackend
    /** What runs versions that are tried. */
    apart?: InferenceBackend
    random?: () => number
    clock?: Clock
  } = {},
) {
  const logs: Record<string, unknown>[] = []
  const log = pinoLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void logs.push(JSON.parse(line)) },
  })
  const metrics = prometheusMetrics()
  const common = { log, metrics, clock: options.clock ?? systemClock }
  const workers = new Set<number>()
  const guard = {
    watch: (pid: number) => void workers.add(pid),
    release: (pid: number) => void workers.delete(pid),
  }
  const backend =
    options.backend ??
    onnxBackend(
      {
        ...{ threads: 1, workers: 1, runMs: 10_000, loadMs: 30_000, memoryBytes: 2 ** 31 },
        ...options,
        providers: options.providers ?? ['cpu'],
      },
      { ...common, guard },
    )
  const reference = onnxBackend(
    {
      ...{ providers: ['cpu'], threads: 1, optimisation: 'disabled', workers: 1 },
      ...{ runMs: options.referenceMs ?? 10_000, loadMs: 30_000, memoryBytes: 2 ** 31, label: 'reference-' },
    },
    { ...common, guard },
  )
  const inference = inferenceService(
    {
      manifests: typeof manifests === 'string' ? [{ path: manifests, optional: false }] : manifests,
      ...{
        deadlineMs: 30_000,
        maxBatchRows: 1_024,
        maxBatchDelayMs: 0,
        cacheBytes: 0,
        selfTestMs: 3_600_000,
      },
      watchMs: 0,
      ...options,
      providers: options.providers ?? ['cpu'],
    },
    {
      ...{ backends: [backend], reference, ...common },
      ...(options.apart === undefined ? {} : { apart: options.apart }),
      ...(options.random === undefined ? {} : { random: options.random }),
    },
  )
  onTestFinished(() => inference.stop())
  await inference.start()
  /** Process ids of the workers that are up. */
  return { inference, backend, logs, metrics, workers }
}

export function returns(
  shape: readonly number[],
  value: (index: number) => number = () => 1e-4,
): Record<string, Tensor> {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i))
  return { log_returns: { type: 'float32', shape, data } }
}

export async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
