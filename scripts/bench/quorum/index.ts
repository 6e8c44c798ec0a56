import { type Figure, median } from '../figure.ts'
import { measureScenario, type Run } from './measure.ts'
import { prefixOf, type Scenario, scenarios } from './scenario.ts'

const BARE = 'bare operations'

/**
 * Whole quorums in this process: engine, drivers, guarded signers, real ed25519 and secp256k1, over a queue in memory
 * or libp2p on loopback; against nothing but the signature and hash operations of the same rounds. Only scenarios of
 * which a figure is `wanted` are run. One that is refused gives no figures; the others go on, and it is thrown at the end.
 */
export async function* quorumBenchmarks(wanted: (name: string) => boolean): AsyncGenerator<Figure> {
  const refused: Error[] = []
  for (const scenario of scenarios()) {
    const prefix = prefixOf(scenario)
    if (!wanted(prefix)) continue
    try {
      yield* figuresOf(scenario, await measureScenario(scenario))
    } catch (cause) {
      refused.push(new Error(`${prefix}: ${cause instanceof Error ? cause.message : cause}`, { cause }))
    }
  }
  if (refused.length > 0) throw new AggregateError(refused, refused.map(({ message }) => message).join('\n'))
}

function figuresOf(scenario: Scenario, runs: readonly Run[]): Figure[] {
  const { n, threads, duties } = scenario
  const prefix = prefixOf(scenario)
  const figure = (
    name: string,
    unit: string,
    value: (run: Run) => number,
    baseline: string,
    baselineValue: (run: Run) => number,
  ): Figure => ({
    ...{ name: `${prefix}.${name}`, unit, baseline },
    value: median(runs.map(value)),
    baselineValue: median(runs.map(baselineValue)),
    ratio: median(runs.map((run) => value(run) / baselineValue(run))),
  })
  const spread = `${BARE} on ${threads === 1 ? 'one thread' : `${threads} threads`}`
  const rate = figure(
    'rounds_per_s',
    'rounds/s',
    (run) => run.roundsPerSecond,
    spread,
    (run) => (threads * 1000) / run.bareMs,
  )
  if (duties > 1) {
    return [
      rate,
      figure(
        'max_min_ratio',
        'rounds',
        (run) => run.maxMinRatio,
        'all duties alike',
        () => 1,
      ),
    ]
  }
  const perValidator = { cpu: (run: Run) => run.cpuMs / n, bare: (run: Run) => run.bareMs / n }
  const latency = (name: string, value: (run: Run) => number | null) =>
    figure(
      name,
      'ms',
      (run) => value(run) ?? Number.NaN,
      spread,
      (run) => run.bareMs / threads,
    )
  return [
    latency('p50_ms', (run) => run.p50Ms),
    latency('p99_ms', (run) => run.p99Ms),
    rate,
    figure('cpu_vs_crypto', 'ms/validator-round', perValidator.cpu, BARE, perValidator.bare),
    figure(
      'bytes_per_round',
      'bytes',
      (run) => run.bytes,
      'its signatures',
      (run) => run.signatureBytes,
    ),
  ]
}
