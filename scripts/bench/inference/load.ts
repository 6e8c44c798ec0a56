import { setTimeout as sleep } from 'node:timers/promises'
import type { ManifestModel } from '../../../node/inference/manifest.ts'
import type { Tensor } from '../../../node/ports/tensor.ts'
import { type Figure, percentile } from '../figure.ts'
import { bareSession, inputsOf, type Port } from './subject.ts'

const CAPACITY_MS = 2_000
const LOAD_MS = 5_000
const CALLERS = 256
const MAX_ROWS = 1_024
/** Rows that are due at once are asked for in groups of so many, so that answers get in between. */
const GROUP = 16

type Ask = () => Promise<unknown>

/**
 * Latency of single rows in an open loop: they come at random moments (Poisson), at half and at nine tenths of what the
 * port can do, whether the ones before were answered or not. Beside it the same load on a bare session behind a queue in this
 * process, which is what the runtime and this machine do with it.
 */
export async function underLoad(model: ManifestModel, port: Port): Promise<Figure[]> {
  const inputs = inputsOf(model, 1)
  const ask = () => port.run({ model: model.id, inputs })
  const bare = await bareSession(model)
  try {
    const capacity = await capacityOf(ask)
    const figures: Figure[] = []
    for (const [share, name] of [
      [0.5, 'half_load'],
      [0.9, 'full_load'],
    ] as const) {
      const latencies = await openLoop(ask, capacity * share)
      const queued = behindQueue((rows) => bare.run(inputsOf(model, rows)))
      const bareLatencies = await openLoop(queued, capacity * share)
      for (const p of [0.5, 0.99]) {
        const [value, baselineValue] = [percentile(latencies, p), percentile(bareLatencies, p)]
        figures.push({
          name: `inference.${model.id}.p${p * 100}_ms_${name}`,
          value,
          unit: 'ms',
          baseline: `bare session behind a queue, at the same ${Math.round(capacity * share)} rows/s`,
          baselineValue,
          ratio: value / baselineValue,
        })
      }
    }
    return figures
  } finally {
    await bare.release()
  }
}

async function capacityOf(ask: Ask): Promise<number> {
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

/** What waits is one run of the bare session. */
function behindQueue(run: (rows: number) => Promise<Record<string, Tensor>>): Ask {
  let waiting: PromiseWithResolvers<void>[] = []
  let running = false
  const work = async () => {
    running = true
    while (waiting.length > 0) {
      const now = waiting.slice(0, MAX_ROWS)
      waiting = waiting.slice(MAX_ROWS)
      try {
        await run(now.length)
        for (const { resolve } of now) resolve()
      } catch (error) {
        for (const { reject } of now) reject(error)
      }
    }
    running = false
  }
  return () => {
    const asked = Promise.withResolvers<void>()
    waiting.push(asked)
    if (!running) void work()
    return asked.promise
  }
}

/** Latencies of runs that come `rate` times a second, from the moment at which each was due. */
async function openLoop(ask: Ask, rate: number): Promise<readonly number[]> {
  // Counted, not kept: a promise of each row would be most of what the collector of this process has to do.
  const latencies: number[] = []
  let open = 0
  let refused = 0
  let asked = 0
  let due = performance.now()
  const end = due + LOAD_MS
  while (due < end) {
    const wait = due - performance.now()
    if (wait > 1) await sleep(wait)
    else if (asked % GROUP === 0) await new Promise(setImmediate)
    // A row may be asked for up to a millisecond early.
    const from = Math.min(due, performance.now())
    asked += 1
    open += 1
    void ask()
      .then(
        () => latencies.push(performance.now() - from),
        () => {
          refused += 1
        },
      )
      .finally(() => {
        open -= 1
      })
    due += (-Math.log(1 - Math.random()) * 1000) / rate
  }
  while (open > 0) await sleep(1)
  // Who is refused waits for ever: it must not make the others look good.
  for (let i = 0; i < refused; i++) latencies.push(Number.POSITIVE_INFINITY)
  return latencies
}
