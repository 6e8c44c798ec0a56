import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

export interface ModelBenchOptions {
  readonly config: string
  readonly model: string
  readonly seconds: number
}

/** One line for each size of a run. */
export async function modelBench(options: ModelBenchOptions, deps: CliDeps): Promise<void> {
  const { config: path, ...request } = options
  const { config } = loadConfig({ path, env: deps.env })
  for (const figures of await deps.models.bench(config, request)) {
    const { rows, runs, rowsPerSecond, p50Ms, p99Ms, provider } = figures
    const words = [
      `${rows} rows a run`,
      `${rowsPerSecond.toFixed(0)} rows/s`,
      `p50 ${p50Ms.toFixed(2)} ms`,
      `p99 ${p99Ms.toFixed(2)} ms`,
      `${runs} runs`,
      provider,
    ]
    deps.stdout.write(`${words.join('  ')}\n`)
  }
}
