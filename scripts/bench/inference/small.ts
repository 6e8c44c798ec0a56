import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Figure, median, percentile } from '../figure.ts'
import { bareSession, benchmarkedModels, inputsOf, startPort } from './subject.ts'

const ROWS = 8_192
const ROUNDS = 7
const ROUND_MS = 1_500
/** A tabular model: one row of features, one number. */
const MODEL = 'transfer-risk'

/** Predictions a second of a small tabular model through the batch API, with a worker a core. */
export async function small(): Promise<Figure[]> {
  const model = benchmarkedModels().find(({ id }) => id === MODEL)
  if (model === undefined) throw new Error(`there is no model ${MODEL} in models/manifest.json`)
  const workers = availableParallelism()
  const port = await startPort(workers)
  const bare = await bareSession(model)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  try {
    const inputs = inputsOf(model, ROWS)
    const rates: number[] = []
    const bareRates: number[] = []
    delay.enable()
    for (let round = 0; round < ROUNDS; round++) {
      rates.push(await rate(() => port.run({ model: model.id, inputs, quantize: false }), 2 * workers))
      delay.disable()
      bareRates.push(await rate(() => bare.run(inputs), 1))
      delay.enable()
    }
    delay.disable()
    const [value, baselineValue] = [median(rates), median(bareRates)]
    const p99 = delay.percentile(99) / 1e6
    return [
      {
        name: 'inference.small.predictions_per_s',
        value,
        unit: 'rows/s',
        baseline: `bare session in this process, 1 thread; the port has ${workers} workers`,
        baselineValue,
        ratio: value / baselineValue,
      },
      {
        name: 'inference.small.event_loop_delay_p99_ms',
        value: p99,
        unit: 'ms',
        baseline: 'aim, ms',
        baselineValue: 20,
        ratio: p99 / 20,
      },
    ]
  } finally {
    await bare.release()
    await port.stop()
  }
}

async function rate(run: () => Promise<unknown>, callers: number): Promise<number> {
  const started = performance.now()
  let runs = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() - started < ROUND_MS) {
        await run()
        runs += 1
      }
    }),
  )
  return (runs * ROWS * 1000) / (performance.now() - started)
}

/** Every model at once, eight callers each: rows a second of each, against the same alone. */
export async function manyAtOnce(): Promise<Figure[]> {
  const port = await startPort(1)
  try {
    const models = benchmarkedModels().filter(({ batched }) => batched)
    const asks = models.map((model) => {
      const inputs = inputsOf(model, 64)
      return () => port.run({ model: model.id, inputs, quantize: false })
    })
    const alone: number[] = []
    for (const ask of asks) alone.push(await runsPerSecond([ask]).then(([first = 0]) => first))
    const together = await runsPerSecond(asks)
    // What each gets of the worker's time; they add up to one when nothing is lost, and are equal when turns are fair.
    const shares = together.map((value, i) => value / (alone[i] ?? value))
    const sum = shares.reduce((total, share) => total + share, 0)
    return [
      {
        name: 'inference.many_models.sum_of_shares',
        value: sum,
        unit: 'of alone',
        baseline: `${models.length} models, each alone`,
        baselineValue: 1,
        ratio: sum,
      },
      {
        name: 'inference.many_models.max_turns',
        value: percentile(together, 1),
        unit: 'runs/s',
        baseline: 'the model that had the fewest runs',
        baselineValue: percentile(together, 0),
        ratio: percentile(together, 1) / percentile(together, 0),
      },
    ]
  } finally {
    await port.stop()
  }
}

async function runsPerSecond(asks: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const started = performance.now()
  const counts = asks.map(() => 0)
  await Promise.all(
    asks.flatMap((ask, at) =>
      Array.from({ length: 8 }, async () => {
        while (performance.now() - started < 2_000) {
          await ask()
          counts[at] = (counts[at] ?? 0) + 1
        }
      }),
    ),
  )
  return counts.map((count) => (count * 1000) / (performance.now() - started))
}
