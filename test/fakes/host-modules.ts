import type { CapabilityProvider, PluginIdentity } from '../../node/kernel/context.ts'
import type { Capabilities, CapabilityName } from '../../node/ports/capabilities.ts'
import type { Clock } from '../../node/ports/clock.ts'
import type { Logger } from '../../node/ports/log.ts'
import type { Metrics } from '../../node/ports/metrics.ts'

/** Virtual time for the host: nothing fires until `advance`. */
export function virtualClock(): Clock & { advance(ms: number): void; readonly pending: number } {
  let now = 0
  const timers = new Set<{ at: number; fire: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    setTimer(delayMs, fire) {
      const timer = { at: now + delayMs, fire }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    advance(ms) {
      now += ms
      for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
        if (timer.at > now || !timers.delete(timer)) continue
        timer.fire()
      }
    },
    get pending() {
      return timers.size
    },
  }
}

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLogger(
  lines: LogLine[] = [],
  base: object = {},
): Logger & { readonly lines: LogLine[] } {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...base, ...fields }, message })
  }
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLogger(lines, { ...base, ...fields }),
  }
}

/** Metrics that keep the last value of each gauge, by name and labels. */
export function recordingMetrics(): Metrics & { readonly gauges: Map<string, number> } {
  const gauges = new Map<string, number>()
  return {
    gauges,
    counter: () => ({ inc: () => {} }),
    gauge: ({ name }) => ({
      set: (value, labels = {}) => void gauges.set(`${name} ${JSON.stringify(labels)}`, value),
    }),
    histogram: () => ({ observe: () => {} }),
  }
}

/** Capability providers of which only those given exist; making any other one is the test's failure. */
export function capabilityProviders(given: Partial<CapabilityProvider>): CapabilityProvider {
  const missing =
    <N extends CapabilityName>(name: N) =>
    (plugin: PluginIdentity): Capabilities[N] => {
      throw new Error(`the test gave no ${name} for ${plugin.id}`)
    }
  return {
    'chain.read': missing('chain.read'),
    'chain.trust': missing('chain.trust'),
    'chain.write': missing('chain.write'),
    'index.read': missing('index.read'),
    events: missing('events'),
    quorum: missing('quorum'),
    'http.routes': missing('http.routes'),
    store: missing('store'),
    inference: missing('inference'),
    contents: missing('contents'),
    ...given,
  }
}
