import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { onnxBackend } from '../../../node/adapters/onnx/onnx-backend.ts'
import { openSession, type Session } from '../../../node/adapters/onnx/session.ts'
import { inferenceService } from '../../../node/inference/inference-service.ts'
import { type ManifestModel, readManifest } from '../../../node/inference/manifest.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { Metrics } from '../../../node/ports/metrics.ts'
import type { Tensor } from '../../../node/ports/tensor.ts'
import { PROJECT_ROOT } from '../../artifacts.ts'

const MODELS = join(PROJECT_ROOT, 'models')
const MANIFEST = join(MODELS, 'manifest.json')
/** Of a size that is neither fixed nor the rows: pools. */
const OTHER_SIZE = 3

/** The models that ship, those of float32 alone. */
export function benchmarkedModels(): readonly ManifestModel[] {
  return readManifest(MANIFEST).filter(({ inputs }) => inputs.every(({ type }) => type === 'float32'))
}

/** The port as a node has it, with a worker for each of `workers` runs at once, one thread each, and no cache. */
export async function startPort(workers: number) {
  const common = { log: silent, metrics: uncounted, clock: systemClock }
  const backend = onnxBackend(
    { ...{ providers: ['cpu'], threads: 1, workers, runMs: 60_000, loadMs: 60_000 }, memoryBytes: 2 ** 33 },
    common,
  )
  const port = inferenceService(
    {
      manifests: [{ path: MANIFEST, optional: false }],
      ...{ providers: ['cpu'], deadlineMs: 60_000, maxBatchRows: 1_024, maxBatchDelayMs: 0, cacheBytes: 0 },
      ...{ selfTestMs: 0, watchMs: 0 },
    },
    { backends: [backend], ...common },
  )
  await port.start()
  return port
}

export type Port = Awaited<ReturnType<typeof startPort>>

/** A session of the runtime with the same options and nothing around it. */
export function bareSession(model: ManifestModel): Promise<Session> {
  return openSession(readFileSync(join(MODELS, model.file)), { provider: 'cpu', threads: 1 })
}

/** Inputs of `rows` rows: small numbers of either sign, as returns and standardised features are. */
export function inputsOf(model: ManifestModel, rows: number): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map(({ name, shape }) => {
      const sizes = shape.map((size, axis) => size ?? (axis === 0 ? rows : OTHER_SIZE))
      const count = sizes.reduce((product, size) => product * size, 1)
      const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 1e-3)
      return [name, { type: 'float32', shape: sizes, data }]
    }),
  )
}

const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silent,
}
const uncounted: Metrics = {
  counter: () => ({ inc: () => {} }),
  gauge: () => ({ set: () => {} }),
  histogram: () => ({ observe: () => {} }),
}
