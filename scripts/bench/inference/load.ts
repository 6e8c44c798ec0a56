import { setTimeout as sleep } from 'node:timers/promises'
import type { ManifestModel } from '../../../node/inference/manifest.ts'
import { type Figure, percentile } from '../figure.ts'
import { inputsOf, type Port } from './subject.ts'

const CAPACITY_MS = 2_000
const LOAD_MS = 5_000
const CALLERS = 256

/**
 * Latency of single rows in an open loop: they come at random moments (Poisson), at half and at nine tenths of what the
 * port can do, whether the ones before were answered or not. Also how long the event loop of the caller was held up.
 */
export async function underLoad(model: ManifestModel, port: Port): Promise<Figure[]> {
  const inputs = inputsOf(model, 1)
  const ask = () => port.run({ model: model.id, inputs })
  const capacity = await capacityOf(ask)
  const figures: Figure[] = []
  for (const [share, name] of [
    [0.5, 'half_load'],
    [0.9, 'full_load'],
  ] as const) {
    const latencies = await openLoop(ask, capacity * share)
    for (const p of [0.5, 0.99]) {
      const value = percentile(latencies, p)
      figures.push({
        name: `inference.${model.id}.p${p * 100}_ms_${name}`,
        value,
        unit: 'ms',
        baseline: `capacity, rows/s (${latencies.length} samples at ${share} of it)`,
        baselineValue: capacity,
        ratio: value / capacity,
      })
    }
  }
  return figures
}

async function capacityOf(ask: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let runs = 0
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() - started < CAPACITY_MS) {
        await ask()
        runs += 1
      }
    }),
  )
  return (runs * 1000) / (performance.now() - started)
}

/** Latencies of runs that come `rate` times a second, from the moment at which each was due. */
async function openLoop(ask: () => Promise<unknown>, rate: number): Promise<number[]> {
  const latencies: number[] = []
  const running: Promise<void>[] = []
  const started = performance.now()
  let refused = 0
  let due = started
  while (due - started < LOAD_MS) {
    const wait = due - performance.now()
    if (wait > 1) await sleep(wait)
    else if (running.length % 32 === 0) await new Promise(setImmediate)
    const from = due
    running.push(
      ask().then(
        () => void latencies.push(performance.now() - from),
        () => {
          refused += 1
        },
      ),
    )
    due += (-Math.log(1 - Math.random()) * 1000) / rate
  }
  await Promise.all(running)
  // Who is refused waits for ever: it must not make the others look good.
  for (let i = 0; i < refused; i++) latencies.push(Number.POSITIVE_INFINITY)
  return latencies
}
