import { readFileSync } from 'node:fs'
import { exit, stdout } from 'node:process'
import type { InferenceSession } from 'onnxruntime-node'
import { readGoldens, withinTolerance } from './manifest.ts'
import { forecast, HERE, openModel, quantise } from './session.ts'

/**
 * Measures how far apart the model's answers lie: ONNX Runtime against torch, then over threads and graph
 * optimisations against the published setting. Exits with 1 if anything leaves the manifest's tolerance.
 */

interface TorchCases {
  readonly inputDecimals: number
  readonly cases: readonly { pools: number; units: readonly number[]; volatility: readonly number[] }[]
}

interface Case {
  readonly shape: readonly number[]
  readonly units: readonly number[]
}

const torch = JSON.parse(readFileSync(new URL('torch.json', HERE), 'utf8')) as TorchCases
const goldens = readGoldens()
const decimals = goldens.inputDecimals
const cases: Case[] = [
  ...torch.cases.map(({ pools, units }) => ({ shape: [units.length / pools / 360, pools, 360], units })),
  ...goldens.cases.map(({ inputs }) => ({
    shape: inputs.log_returns.shape,
    units: inputs.log_returns.values,
  })),
]
let failed = false

async function answers(options: InferenceSession.SessionOptions, inputs = cases): Promise<number[]> {
  const session = await openModel(options)
  try {
    const out: number[] = []
    for (const { shape, units } of inputs) out.push(...(await forecast(session, shape, units, decimals)))
    return out
  } finally {
    await session.release()
  }
}

/** The same hours with the pools the other way round: the same answer, but for the order of float32 sums. */
function reversed({ shape, units }: Case): Case {
  const [batch = 0, pools = 0, bars = 0] = shape
  const series = (b: number, p: number) => units.slice((b * pools + p) * bars, (b * pools + p + 1) * bars)
  const out: number[] = []
  for (let b = 0; b < batch; b++) for (let p = pools - 1; p >= 0; p--) out.push(...series(b, p))
  return { shape, units: out }
}

function report(name: string, got: readonly number[], expected: readonly number[]): void {
  let relative = 0
  let units = 0n
  let outside = 0
  for (const [i, value] of got.entries()) {
    const wanted = expected[i] ?? Number.NaN
    relative = Math.max(relative, Math.abs(value - wanted) / wanted)
    const a = quantise(value, 8)
    const b = quantise(wanted, 8)
    const gap = a > b ? a - b : b - a
    if (gap > units) units = gap
    if (!withinTolerance(a, b)) outside++
  }
  if (outside > 0) failed = true
  stdout.write(
    `${name.padEnd(46)} max relative ${(relative * 1e6).toFixed(3).padStart(9)} ppm, max ${units} units, ${outside} of ${got.length} outside\n`,
  )
}

const published = await answers({})
const expected = torch.cases.flatMap((c) => c.volatility)
report('torch (training machine)', published.slice(0, expected.length), expected)
report('cpu, pools in reverse order', await answers({}, cases.map(reversed)), published)
for (const graphOptimizationLevel of ['all', 'extended', 'basic', 'disabled'] as const) {
  for (const intraOpNumThreads of [1, 2, 4, 8]) {
    const got = await answers({ graphOptimizationLevel, intraOpNumThreads })
    report(`cpu, optimisation ${graphOptimizationLevel}, ${intraOpNumThreads} threads`, got, published)
  }
}
exit(failed ? 1 : 0)
