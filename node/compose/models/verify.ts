import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../adapters/clock/system.ts'
import { onnxBackend } from '../../adapters/onnx/onnx-backend.ts'
import { pinoLogger } from '../../adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../adapters/prometheus/prometheus-metrics.ts'
import type { NodeConfig } from '../../config/schema.ts'
import { inferenceService } from '../../inference/inference-service.ts'
import { ModelError } from './errors.ts'
import { findModel } from './known.ts'
import { type Staged, stageFiles, stageModel } from './stage.ts'

export interface Verified {
  readonly id: string
  readonly version: string
  readonly digest: string
  readonly provider: string
}

/** Tests a folder as a node does before it runs a model. Rejects with `ModelError`. */
export async function verifyFolder(folder: string): Promise<Verified> {
  const root = await mkdtemp(join(tmpdir(), 'iyi-model-'))
  try {
    return await verifyStaged(await stageModel(folder, root), root)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** Tests one that the node has, whatever a running node makes of it. Rejects with `ModelError`. */
export async function verifyKnown(config: NodeConfig, model: string): Promise<Verified> {
  const { entry, written, root: folder } = await findModel(config, model)
  const root = await mkdtemp(join(tmpdir(), 'iyi-model-'))
  try {
    await stageFiles(folder, { entry, written }, root)
    return await verifyStaged({ entry, written }, root)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** Tests what `stageModel` copied to `root`, on the CPU with one thread. Rejects with `ModelError` `MODEL_REFUSED`. */
export async function verifyStaged({ entry, written }: Staged, root: string): Promise<Verified> {
  const path = join(root, 'manifest.json')
  await writeFile(path, JSON.stringify({ models: [written] }))
  const modules = quiet()
  const backend = cpuBackend(1, modules)
  const service = inferenceService(
    {
      manifests: [{ path, optional: false, byDigest: true }],
      ...{ providers: ['cpu'], deadlineMs: 60_000, maxBatchRows: 1, maxBatchDelayMs: 0 },
      ...{ cacheBytes: 0, selfTestMs: 0, watchMs: 0 },
    },
    { backends: [backend], ...modules },
  )
  await service.start()
  try {
    const [info] = service.models()
    if (info?.status.ok !== true)
      throw new ModelError(
        'MODEL_REFUSED',
        `Model ${entry.id} is not what its ${'model.json'} says: ${info?.status.reason}. Pack it again, or correct the entry.`,
      )
    const { id, version, digest, provider } = info
    return { id, version, digest, provider }
  } finally {
    await service.stop()
  }
}

/** What a run by hand may take. */
export const LIMITS = { runMs: 60_000, loadMs: 120_000, memoryBytes: 8 * 2 ** 30 } as const

/** ONNX Runtime in one process. */
export function cpuBackend(threads: number, modules: ReturnType<typeof quiet>) {
  return onnxBackend({ providers: ['cpu'], threads, workers: 1, ...LIMITS }, modules)
}

/** What goes wrong is told by the error: a verb has no log. */
export function quiet() {
  const log = pinoLogger({ level: 'error', format: 'json', destination: { write: () => {} } })
  return { log, metrics: prometheusMetrics(), clock: systemClock }
}
