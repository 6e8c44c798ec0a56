import { readFileSync } from 'node:fs'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { onnxBackend } from '../../node/adapters/onnx/onnx-backend.ts'
import { InferenceSession, Tensor as OrtTensor } from '../../node/adapters/onnx/runtime.ts'
import { inferenceService } from '../../node/inference/inference-service.ts'
import type { Logger } from '../../node/ports/log.ts'
import type { Metrics } from '../../node/ports/metrics.ts'
import type { Figure } from './figure.ts'

const MODELS = new URL('../../models/', import.meta.url)
const BASELINE = 'bare onnxruntime-node session'
const POOLS = 3
const ROUNDS = 15
const ROUND_MS = 60

type Run = () => Promise<unknown>

/**
 * The volatility model through the inference port (validation, queue, finite check, quantisation, metrics included)
 * against a session of the runtime with the same options and nothing around it. Both take turns in short rounds; the
 * medians are compared. Takes about four seconds.
 */
export async function inferenceBenchmarks(): Promise<Figure[]> {
  const bare = await InferenceSession.create(readFileSync(new URL('volatility/volatility.onnx', MODELS)), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  })
  const common = { log: silent, metrics: uncounted, clock: systemClock }
  const backend = onnxBackend(
    { providers: ['cpu'], threads: 1, workers: 1, runMs: 10_000, loadMs: 30_000, memoryBytes: 2 ** 31 },
    common,
  )
  const port = inferenceService(
    {
      manifests: [{ path: new URL('manifest.json', MODELS).pathname, optional: false }],
      ...{ providers: ['cpu'], deadlineMs: 10_000, maxBatchRows: 1_024, maxBatchDelayMs: 0, cacheBytes: 0 },
      ...{ selfTestMs: 0, watchMs: 0 },
    },
    { backends: [backend], ...common },
  )
  await port.start()
  try {
    const figures: Figure[] = []
    for (const rows of [1, 16]) {
      const shape = [rows, POOLS, 360]
      const data = Float32Array.from({ length: rows * POOLS * 360 }, (_, i) => Math.sin(i * 12.9898) * 1e-3)
      const [ours, theirs] = await compare(
        () => port.run({ model: 'volatility', inputs: { log_returns: { type: 'float32', shape, data } } }),
        () => bare.run({ log_returns: new OrtTensor('float32', data, shape) }),
      )
      const batch = rows === 1 ? '' : `.batch${rows}`
      figures.push(
        figure(
          `inference.volatility.port${batch}.rows_per_s`,
          'rows/s',
          (rows * 1000) / ours,
          (rows * 1000) / theirs,
        ),
        figure(`inference.volatility.port${batch}.latency_ms`, 'ms', ours, theirs),
      )
    }
    return figures
  } finally {
    await port.stop()
    await bare.release()
  }
}

/** Median milliseconds a call of each, measured in turns so that a slow moment of the machine hits both. */
async function compare(ours: Run, theirs: Run): Promise<[number, number]> {
  for (const run of [ours, theirs]) await timed(run)
  const samples: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    samples[0].push(await timed(ours))
    samples[1].push(await timed(theirs))
  }
  return [median(samples[0]), median(samples[1])]
}

async function timed(run: Run): Promise<number> {
  const started = performance.now()
  let calls = 0
  while (performance.now() - started < ROUND_MS) {
    await run()
    calls += 1
  }
  return (performance.now() - started) / calls
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function figure(name: string, unit: string, value: number, baselineValue: number): Figure {
  return { name, value, unit, baseline: BASELINE, baselineValue, ratio: value / baselineValue }
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
