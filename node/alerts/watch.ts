import type { Alert, AlertRule, AlertStore } from '../ports/alerts.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { SeriesInfo, SeriesReader } from '../ports/series.ts'
import { SeriesError } from '../ports/series-error.ts'
import { firingGauge } from './instruments.ts'
import { judge, round, type Verdict } from './judge.ts'
import { matches } from './matches.ts'
import { measured } from './measure.ts'
import { valuesBefore } from './values-before.ts'

const POLL_MS = 2_000
/** A chain whose history is still being read has no series yet. */
const IDLE_MS = 60_000

/** A rule at one series. */
interface Watched {
  readonly rule: AlertRule
  readonly series: SeriesInfo
  /** Since when the rule holds, in Unix seconds of the chain; null while it does not. */
  since: number | null
  firing: Alert | null
}

export interface AlertWatch {
  /** Resolves once the alerts that were firing are known; rejects with `DatabaseError`. */
  start(): Promise<void>
  /** Resolves once nothing is being looked at any more. */
  stop(): Promise<void>
  health(): Health
}

/**
 * Holds the rules against the series, in the time of each chain: every two seconds, the window that ends with the newest
 * block. What fires or ends is saved first and told then: after a crash in between the outbox tells it, the stream does not. An alert ends
 * when its rule does not hold any more, when there is nothing to hold it against, and when the rule is gone.
 *
 * @param modules.tell is called once an alert fired or ended, after it was saved
 */
export function alertWatch(
  { rules }: { readonly rules: readonly AlertRule[] },
  modules: {
    readonly series: SeriesReader
    readonly store: AlertStore
    readonly tell: (alert: Alert) => void
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): AlertWatch {
  const { series, store, clock } = modules
  const log = modules.log.child({ module: 'alerts' })
  const gauge = firingGauge(rules, modules.metrics)
  const watched = new Map<string, Watched>()
  /** Fired before this start, and not looked at since. */
  const left = new Map<string, Alert>()
  const stopping = new AbortController()
  let timer: Timer | null = null
  let looking: Promise<void> | null = null
  let trouble: string | null = null
  /** Rules that no series is for, and since when, by the monotonic clock. */
  const idle = new Map<string, number>()

  async function all(): Promise<void> {
    const found = await series.list()
    const places = found.flatMap((info) =>
      rules.filter((rule) => matches(rule.series, info.id)).map((rule) => placeOf(rule, info)),
    )
    tellIdle(found, places)
    const times = new Map<number, number | null>()
    for (const chainId of new Set(places.map((place) => place.series.chainId)))
      times.set(chainId, await series.knownUntil(chainId))
    let first: unknown = null
    for (const place of places) {
      const at = times.get(place.series.chainId) ?? null
      if (stopping.signal.aborted) return
      if (at === null) continue
      try {
        await look(place, at)
      } catch (error) {
        // Of one series, such as one that is being made: the others are looked at all the same.
        if (!(error instanceof SeriesError)) throw error
        first ??= error
      }
    }
    await endOthers(places)
    gauge([...watched.values()].flatMap(({ firing }) => firing ?? []))
    if (first !== null) throw first
  }

  /** A pool may come later, a misspelt name never does. */
  function tellIdle(found: readonly SeriesInfo[], places: readonly Watched[]): void {
    const used = new Set(places.map(({ rule }) => rule.name))
    for (const { name, series: pattern } of rules) {
      if (found.length === 0 || used.has(name)) {
        idle.delete(name)
        continue
      }
      const before = idleRules().includes(name)
      idle.set(name, idle.get(name) ?? clock.monotonic())
      if (!before && idleRules().includes(name))
        log.warn({ rule: name, series: pattern }, 'No series is there for a rule: see GET /v1/series')
    }
  }

  function idleRules(): readonly string[] {
    return [...idle].filter(([, since]) => clock.monotonic() - since >= IDLE_MS).map(([name]) => name)
  }

  function placeOf(rule: AlertRule, info: SeriesInfo): Watched {
    const key = keyOf(rule.name, info.id)
    const firing = left.get(key) ?? null
    left.delete(key)
    const found = watched.get(key) ?? { rule, series: info, since: firing?.startedAt ?? null, firing }
    watched.set(key, found)
    return found
  }

  /** The rule or the series is gone: nobody can say whether it holds. */
  async function endOthers(places: readonly Watched[]): Promise<void> {
    const still = new Set(places)
    for (const [key, place] of watched) {
      if (still.has(place)) continue
      if (place.firing !== null) await end(place.firing, place.firing.startedAt)
      watched.delete(key)
    }
    for (const [key, alert] of left) {
      await end(alert, alert.startedAt)
      left.delete(key)
    }
  }

  async function look(place: Watched, at: number): Promise<void> {
    const { rule } = place
    const found = await holds(place, at)
    if (found === null || !found.verdict.holds) {
      place.since = null
      if (place.firing !== null) await end(place.firing, at)
      place.firing = null
      return
    }
    // A reorganisation may take the chain's time back.
    place.since = Math.min(place.since ?? at, at)
    if (place.firing !== null || at - place.since < rule.forSeconds) return
    place.firing = await store.fire({
      ...{ rule: rule.name, series: place.series.id, chainId: place.series.chainId },
      ...{ severity: rule.severity, measure: rule.measure, value: found.value, startedAt: at },
      text: `${rule.measure} of ${rule.windowSeconds} s is ${round(found.value)}: ${found.verdict.against}`,
    })
    log.warn({ rule: rule.name, series: place.series.id, text: place.firing.text }, 'Fire an alert')
    modules.tell(place.firing)
  }

  async function holds(
    { rule, series: { id } }: Watched,
    until: number,
  ): Promise<{ verdict: Verdict; value: number } | null> {
    const { measure, windowSeconds, condition } = rule
    const value = measured(measure, await series.rolling({ series: id, windowSeconds, until }))
    if (value === null) return null
    const before =
      condition.kind === 'unlike' ? await valuesBefore(rule, condition, { series, id, until }) : []
    const verdict = judge(condition, value, before)
    return verdict === null ? null : { verdict, value }
  }

  async function end(alert: Alert, at: number): Promise<void> {
    const ended = await store.resolve(alert.id, Math.max(at, alert.startedAt))
    if (ended === null) return
    log.info({ rule: ended.rule, series: ended.series }, 'End an alert')
    modules.tell(ended)
  }

  async function poll(): Promise<void> {
    try {
      await all()
      if (trouble !== null) log.info({}, 'Hold the rules against the series again')
      trouble = null
    } catch (error) {
      if (trouble === null) log.warn({ err: error }, 'Fail to hold rules against series, keep trying')
      trouble = error instanceof Error ? error.message : String(error)
    }
    if (!stopping.signal.aborted) timer = clock.setTimer(POLL_MS, begin)
  }

  function begin(): void {
    looking = poll()
  }

  return {
    async start() {
      // Those of models are the drift watch's.
      for (const alert of await store.firing())
        if (alert.measure !== 'psi') left.set(keyOf(alert.rule, alert.series), alert)
      timer = clock.setTimer(0, begin)
    },
    async stop() {
      stopping.abort()
      timer?.cancel()
      await looking
    },
    health: () => {
      if (trouble !== null)
        return { status: 'degraded', reason: `rules are not held against series: ${trouble}` }
      const rulesAlone = idleRules()
      if (rulesAlone.length === 0) return { status: 'ok' }
      return {
        status: 'degraded',
        reason: `no series is there for ${rulesAlone.join(', ')}: see GET /v1/series`,
      }
    },
  }
}

function keyOf(rule: string, series: string): string {
  return `${rule} ${series}`
}
