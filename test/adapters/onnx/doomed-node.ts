// A node in the middle of a run without an end, which dies without a word. Started by orphan.test.ts.
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { onnxBackend } from '../../../node/adapters/onnx/onnx-backend.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { startGuardian } from '../../../node/adapters/process/guardian.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import { int64 } from '../../inference/tiny-fixture.ts'
import { counting } from '../../inference/tiny-onnx.ts'

const log = pinoLogger({ level: 'error', format: 'json', destination: process.stderr })
const guardian = startGuardian({ log })
const guard = {
  watch(pid: number) {
    guardian.watch(pid)
    process.stdout.write(`${pid}\n`)
  },
  release: guardian.release,
}
const backend = onnxBackend(
  { providers: ['cpu'], threads: 1, workers: 1, runMs: 600_000, loadMs: 30_000, memoryBytes: 2 ** 31 },
  { log, metrics: prometheusMetrics(), clock: systemClock, guard },
)
await backend.start()
const model = await backend.open({ id: 'm', version: '1', digest: '0x00', bytes: counting() }, 'cpu')
await model.run({ x: int64(2 ** 52) })
