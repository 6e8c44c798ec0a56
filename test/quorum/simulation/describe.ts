import { ADVERSARIES } from './adversaries/catalog.ts'
import type { Result } from './run.ts'
import type { Scenario } from './scenario.ts'

/** A scenario as a person reads it: one line for what is common, one for each node that is not honest. */
export function describeScenario(scenario: Scenario): string[] {
  const { seed, n, f, duty, timing, acts, liars, crashLoops, setBack } = scenario
  const { deltaProgress, deltaResend, deltaInitial, deltaRound, deltaGrace, rMax } = timing
  const crashes = acts.reduce((sum, act) => sum + act.crashes.length, 0)
  return [
    `seed ${seed}: n=${n} f=${f}, ${duty} duty, ${scenario.signatures} signatures${scenario.alwaysWork ? '' : ', sometimes nothing to do'}`,
    `  progress ${deltaProgress}, resend ${deltaResend}, initial ${deltaInitial}, round ${deltaRound}, grace ${deltaGrace} ms, rMax ${rMax}`,
    `  ${counted(acts.length, 'storm')}, ${counted(crashes, 'crash', 'crashes')}`,
    ...Object.entries(liars).flatMap(([node, names]) =>
      names.map((name) => `  node ${node} ${name}: ${ADVERSARIES[name].about}`),
    ),
    ...Object.keys(crashLoops).map((node) => `  node ${node} crash loop: never stays up`),
    ...setBack.map(
      (node) => `  node ${node} set back: an old backup of its disk is restored, its signing history is not`,
    ),
  ]
}

/** What is told of a history that broke a rule: how to see it again, what it was made of, and how it ended. */
export function describeFailure(scenario: Scenario, result: Result): string[] {
  const { violation, lines, seed } = result
  return [
    `VIOLATION of ${violation?.rule}: ${violation?.message}`,
    ...describeScenario(scenario),
    `  again: npm run sim -- --seed ${seed}          all of it: npm run sim -- --seed ${seed} --trace`,
    `  the last ${lines.length} events, milliseconds first:`,
    ...lines.map((line) => `  ${line}`),
  ]
}

/** What many histories have in common. */
export class Summary {
  seeds = 0
  virtualMs = 0
  steps = 0
  outcomes = 0
  attested = 0
  epochs = 0
  refusals = 0
  offences = 0
  overflows = 0
  waits = 0
  readonly failed: number[] = []
  longest = { progress: 0, bound: 0, seed: 0 }
  #fingerprint = 0

  add(result: Result): void {
    this.seeds++
    this.virtualMs += result.virtualMs
    this.steps += result.steps
    this.outcomes += result.outcomes
    this.attested += result.attested
    this.epochs += result.epochs
    this.refusals += result.refusals
    this.offences += result.offences
    this.overflows += result.overflows
    this.waits += result.waits.length
    // Order of arrival must not matter: workers finish as they like.
    this.#fingerprint = (this.#fingerprint ^ Number.parseInt(result.hash.slice(0, 8), 16)) >>> 0
    if (result.violation !== null) this.failed.push(result.seed)
    for (const { progress, bound } of result.waits) {
      if (bound > this.longest.bound) this.longest = { progress, bound, seed: result.seed }
    }
  }

  lines(wallMs: number): string[] {
    const { seeds, longest } = this
    const hours = (this.virtualMs / 3_600_000).toFixed(1)
    return [
      `${seeds} histories, ${hours} virtual hours, ${this.steps} events in ${(wallMs / 1000).toFixed(1)} s (${((seeds * 1000) / wallMs).toFixed(1)} a second)`,
      `${this.outcomes} outcomes, ${this.attested} with reports, ${this.epochs} epochs; ${this.refusals} signatures refused, ${this.offences} offences written down, ${this.overflows} messages found a queue full`,
      `longest wait for a new outcome after healing, of ${this.waits}: ${longest.progress.toFixed(2)} x DeltaProgress, ${(longest.bound * 100).toFixed(0)}% of the bound (seed ${longest.seed})`,
      `fingerprint ${this.#fingerprint.toString(16).padStart(8, '0')}`,
      this.failed.length === 0
        ? 'no rule was broken'
        : `${this.failed.length} BROKE A RULE: seeds ${this.failed.sort((a, b) => a - b).join(', ')}`,
    ]
  }
}

/** `1 storm`, `2 storms` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
