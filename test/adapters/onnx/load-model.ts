// A program of its own that loads and runs the shipped model through the port, as a node does.
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { onnxBackend } from '../../../node/adapters/onnx/onnx-backend.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import { inferenceService } from '../../../node/inference/inference-service.ts'

const common = {
  log: pinoLogger({ level: 'error', format: 'json', destination: process.stderr }),
  metrics: prometheusMetrics(),
  clock: systemClock,
}
const backend = onnxBackend(
  { providers: ['cpu'], threads: 1, workers: 1, runMs: 10_000, loadMs: 30_000, memoryBytes: 2 ** 31 },
  common,
)
const inference = inferenceService(
  {
    manifests: [
      { path: new URL('../../../models/manifest.json', import.meta.url).pathname, optional: false },
    ],
    ...{ providers: ['cpu'], deadlineMs: 10_000, maxBatchRows: 1_024, maxBatchDelayMs: 0, cacheBytes: 0 },
    ...{ selfTestMs: 3_600_000, watchMs: 0 },
  },
  { backends: [backend], ...common },
)
await inference.start()
const [model] = inference.models()
await inference.stop()
process.stdout.write(JSON.stringify(model?.status))
