// A program of its own that loads and runs the shipped model through the port, as a node does.
import { onnxInference } from '../../../node/adapters/onnx/onnx-inference.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'

const inference = onnxInference(
  {
    manifestPath: new URL('../../../models/manifest.json', import.meta.url).pathname,
    providers: ['cpu'],
    threads: 1,
  },
  {
    log: pinoLogger({ level: 'error', format: 'json', destination: process.stderr }),
    metrics: prometheusMetrics(),
    clock: { now: () => 0, monotonic: () => performance.now(), setTimer: () => ({ cancel: () => {} }) },
  },
)
await inference.start()
const [model] = inference.models()
await inference.stop()
process.stdout.write(JSON.stringify(model?.status))
