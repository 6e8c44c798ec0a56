import type { ManifestModel } from '../../../node/inference/manifest.ts'
import { type Figure, median } from '../figure.ts'
import { bareSession, inputsOf, type Port } from './subject.ts'

/** Rows of a run that a caller puts together itself. */
const BATCH_ROWS = 1_024
/** Callers of one row each, whose runs the port puts together. */
const CALLERS = 256
const ROUNDS = 9
const ROUND_MS = 400

type Run = () => Promise<unknown>

/**
 * Rows a second through the port against a bare session of as many threads: one row after another, many callers of one row
 * each, and whole batches. They take turns in short rounds, so that a slow moment of the machine hits all; the medians of
 * the rounds' ratios are told.
 */
export async function throughput(model: ManifestModel, port: Port): Promise<Figure[]> {
  const bare = await bareSession(model)
  try {
    const [one, many] = [inputsOf(model, 1), inputsOf(model, BATCH_ROWS)]
    const ask = (inputs: typeof one) => port.run({ model: model.id, inputs, quantize: false })
    const figures: Figure[] = []
    const compare = async (name: string, ours: [Run, number, number], theirs: [Run, number, number]) => {
      const { rate, bareRate, ratio } = await inTurns(ours, theirs)
      figures.push(
        { name: `${name}.rows_per_s`, value: rate, unit: 'rows/s', baseline: BARE, baselineValue: bareRate, ratio },
        { name: `${name}.ratio`, value: ratio, unit: 'of bare', baseline: BARE, baselineValue: 1, ratio },
      )
    }
    const prefix = `inference.${model.id}`
    await compare(`${prefix}.single`, [() => ask(one), 1, 1], [() => bare.run(one), 1, 1])
    // What the runtime does with as many rows at once is what putting runs together can reach at best.
    const together = inputsOf(model, CALLERS)
    await compare(`${prefix}.dynamic`, [() => ask(one), 1, CALLERS], [() => bare.run(together), CALLERS, 1])
    await compare(`${prefix}.batched`, [() => ask(many), BATCH_ROWS, 2], [() => bare.run(many), BATCH_ROWS, 1])
    return figures
  } finally {
    await bare.release()
  }
}

const BARE = 'bare onnxruntime-node session, 1 thread'

/** [what is run, rows of each, callers at once] of both; rows a second, and the median ratio. */
async function inTurns(ours: [Run, number, number], theirs: [Run, number, number]) {
  for (const each of [ours, theirs]) await rateOf(...each)
  const rates: number[] = []
  const bareRates: number[] = []
  const ratios: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const bareRate = await rateOf(...theirs)
    const rate = await rateOf(...ours)
    rates.push(rate)
    bareRates.push(bareRate)
    ratios.push(rate / bareRate)
  }
  return { rate: median(rates), bareRate: median(bareRates), ratio: median(ratios) }
}

async function rateOf(run: Run, rows: number, callers: number): Promise<number> {
  const started = performance.now()
  let runs = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      do {
        await run()
        runs += 1
      } while (performance.now() - started < ROUND_MS)
    }),
  )
  return (runs * rows * 1000) / (performance.now() - started)
}
