// Plays seeded histories of the quorum engine against liars: `npm run sim -- --help`.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { counted, describeFailure, describeScenario, Summary } from '../test/quorum/simulation/describe.ts'
import { type Result, simulate } from '../test/quorum/simulation/run.ts'
import { scenarioOf } from '../test/quorum/simulation/scenario.ts'

const USAGE = `npm run sim -- [--seeds N] [--from K] [--jobs J]
  plays N seeded histories (300) of the quorum engine from seed K (1) on, J at a time
npm run sim -- --seed S [--trace]
  plays one of them again; --trace prints every event of it`

const print = (lines: readonly string[]) => process.stdout.write(`${lines.join('\n')}\n`)

try {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      from: { type: 'string' },
      seeds: { type: 'string' },
      jobs: { type: 'string' },
      trace: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const { seed, from = '1', seeds = '300', jobs = String(Math.min(4, availableParallelism())) } = values
  const forMany = (['from', 'seeds', 'jobs'] as const).filter((name) => values[name] !== undefined)
  if (values.help) print([USAGE])
  else if (seed === undefined) {
    if (values.trace) throw new RangeError('--trace shows one history: say which with --seed')
    await many(whole('from', from), whole('seeds', seeds), Math.max(1, whole('jobs', jobs)))
  } else {
    if (forMany.length > 0)
      throw new RangeError(`--seed plays one history: leave out --${forMany.join(' and --')}`)
    one(whole('seed', seed), values.trace === true)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`--${name} takes a whole number, not ${text}`)
  return Number(text)
}

function one(seed: number, trace: boolean): void {
  const scenario = scenarioOf(seed)
  if (trace) print(describeScenario(scenario))
  const result = simulate(scenario, trace ? (line) => print([line]) : undefined)
  if (!trace)
    print(result.violation === null ? describeScenario(scenario) : describeFailure(scenario, result))
  const { outcomes, attested, virtualMs, steps, violation } = result
  print([
    `${counted(outcomes, 'outcome')}, ${attested} with reports, ${(virtualMs / 1000).toFixed(1)} virtual seconds, ${counted(steps, 'event')}`,
    ...result.waits.map(({ progress }) => `waited ${progress.toFixed(2)} x DeltaProgress for a new outcome`),
    `trace ${result.hash}`,
    violation === null ? 'no rule was broken' : `BROKE ${violation.rule}: ${violation.message}`,
  ])
  if (violation !== null) process.exitCode = 1
}

/** Worker threads take one seed after the other; results come in any order, and each is a function of its seed alone. */
async function many(from: number, count: number, jobs: number): Promise<void> {
  const began = performance.now()
  const summary = new Summary()
  let next = from
  let told = began
  const take = (result: Result) => {
    summary.add(result)
    if (result.violation !== null) print(describeFailure(scenarioOf(result.seed), result))
    if (performance.now() - told < 30_000) return
    told = performance.now()
    process.stderr.write(`${summary.seeds} of ${count}, ${summary.failed.length} failed\n`)
  }
  await Promise.all(
    Array.from(
      { length: Math.min(jobs, count) },
      () =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL('../test/quorum/simulation/worker.ts', import.meta.url))
          const feed = () => {
            if (next < from + count) worker.postMessage(next++)
            else void worker.terminate().then(() => resolve())
          }
          worker.on('message', (result: Result) => {
            take(result)
            feed()
          })
          worker.on('error', reject)
          feed()
        }),
    ),
  )
  print(summary.lines(performance.now() - began))
  if (summary.failed.length > 0) process.exitCode = 1
}
