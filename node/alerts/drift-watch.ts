import type { Alert, AlertStore, DriftRule } from '../ports/alerts.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { DriftReading, ModelDrift } from '../ports/inference.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { firingGauge } from './instruments.ts'
import { round } from './judge.ts'
import { matches } from './matches.ts'
import type { AlertWatch } from './watch.ts'

const POLL_MS = 15_000
/** A model may be added later, a misspelt name never is. */
const IDLE_MS = 60_000

/** A rule at an input or output of a model. */
interface Place {
  readonly rule: DriftRule
  readonly series: string
  readonly psi: number
}

/**
 * Holds rules against the drift of models, every 15 seconds in the time of the node's clock. What fires or ends is saved
 * first and told then. An alert ends when its rule does not hold any more, when nothing is known of the model's drift,
 * and when the rule is gone.
 *
 * @param modules.tell is called once an alert fired or ended, after it was saved
 */
export function driftWatch(
  { rules }: { readonly rules: readonly DriftRule[] },
  modules: {
    readonly drift: () => readonly ModelDrift[]
    readonly store: AlertStore
    readonly tell: (alert: Alert) => void
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): AlertWatch {
  const { drift, store, clock, tell } = modules
  const log = modules.log.child({ module: 'alerts' })
  const gauge = firingGauge(rules, modules.metrics)
  const firing = new Map<string, Alert>()
  /** Since when a rule holds somewhere, in Unix seconds. */
  const since = new Map<string, number>()
  /** Since when no model is there for a rule, by the monotonic clock. */
  const idle = new Map<string, number>()
  let stopped = false
  let timer: Timer | null = null
  let looking: Promise<void> | null = null
  let trouble: string | null = null

  async function look(): Promise<void> {
    const found = drift()
    tellIdle(found)
    const now = Math.floor(clock.now() / 1000)
    const holding = found.flatMap(placesOf).filter(({ psi, rule }) => psi > rule.limit)
    const keys = new Set(holding.map(keyOf))
    for (const key of since.keys()) if (!keys.has(key)) since.delete(key)
    for (const [key, alert] of firing) {
      if (keys.has(key)) continue
      await end(alert, now)
      firing.delete(key)
    }
    for (const place of holding) {
      const from = since.get(keyOf(place)) ?? now
      since.set(keyOf(place), from)
      if (!firing.has(keyOf(place)) && now - from >= place.rule.forSeconds) await fire(place, now)
    }
    gauge([...firing.values()])
  }

  function placesOf(found: ModelDrift): readonly Place[] {
    return rules
      .filter((rule) => matches(rule.model, found.model))
      .flatMap((rule) =>
        found.readings.map((reading) => ({ rule, series: seriesOf(found, reading), psi: reading.psi })),
      )
  }

  function tellIdle(found: readonly ModelDrift[]): void {
    for (const { name, model: pattern } of rules) {
      if (found.some(({ model }) => matches(pattern, model))) {
        idle.delete(name)
        continue
      }
      const before = idleRules().includes(name)
      idle.set(name, idle.get(name) ?? clock.monotonic())
      if (!before && idleRules().includes(name))
        log.warn({ rule: name, model: pattern }, 'No model with a reference is there for a rule')
    }
  }

  function idleRules(): readonly string[] {
    return [...idle].filter(([, from]) => clock.monotonic() - from >= IDLE_MS).map(([name]) => name)
  }

  async function fire(place: Place, startedAt: number): Promise<void> {
    const { rule, series, psi } = place
    const alert = await store.fire({
      ...{
        rule: rule.name,
        series,
        chainId: null,
        severity: rule.severity,
        measure: 'psi',
        value: psi,
        startedAt,
      },
      text: `the population-stability index is ${round(psi)}: above ${rule.limit}`,
    })
    firing.set(keyOf(place), alert)
    log.warn({ rule: rule.name, series, text: alert.text }, 'Fire an alert')
    tell(alert)
  }

  async function end(alert: Alert, at: number): Promise<void> {
    const ended = await store.resolve(alert.id, Math.max(at, alert.startedAt))
    if (ended === null) return
    log.info({ rule: ended.rule, series: ended.series }, 'End an alert')
    tell(ended)
  }

  async function poll(): Promise<void> {
    try {
      await look()
      if (trouble !== null) log.info({}, 'Hold the rules against the drift of models again')
      trouble = null
    } catch (error) {
      if (trouble === null)
        log.warn({ err: error }, 'Fail to hold rules against the drift of models, keep trying')
      trouble = error instanceof Error ? error.message : String(error)
    }
    if (!stopped) timer = clock.setTimer(POLL_MS, begin)
  }

  function begin(): void {
    looking = poll()
  }

  return {
    async start() {
      for (const alert of await store.firing()) {
        if (alert.measure !== 'psi') continue
        firing.set(keyOf({ rule: { name: alert.rule }, series: alert.series }), alert)
      }
      // Also without a rule: what fired before has to end.
      timer = clock.setTimer(0, begin)
    },
    async stop() {
      stopped = true
      timer?.cancel()
      await looking
    },
    health: () => {
      if (trouble !== null)
        return { status: 'degraded', reason: `rules are not held against the drift of models: ${trouble}` }
      const alone = idleRules()
      if (alone.length === 0) return { status: 'ok' }
      return {
        status: 'degraded',
        reason: `no model with a reference is there for ${alone.join(', ')}: see GET /v1/models`,
      }
    },
  }
}

function keyOf({
  rule,
  series,
}: {
  readonly rule: { readonly name: string }
  readonly series: string
}): string {
  return `${rule.name} ${series}`
}

function seriesOf({ model, version }: ModelDrift, { kind, name }: DriftReading): string {
  return `model/${model}/${version}/${kind}/${name}`
}
