import type { Logger } from '../../../node/ports/log.ts'
import type { Labels, Metrics } from '../../../node/ports/metrics.ts'

export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: object
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const at = (level: LoggedLine['level']) => (fields: object, message: string) => {
    lines.push({ level, fields, message })
  }
  const logger = { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { ...logger, child: () => recordingLoggerOf(logger) }
}

function recordingLoggerOf(logger: Omit<ReturnType<typeof recordingLogger>, 'child'>): Logger {
  return { ...logger, child: () => recordingLoggerOf(logger) }
}

/** Metrics that keep the last value of each instrument and its labels. */
export function recordingMetrics(): Metrics & { readonly values: Map<string, number> } {
  const values = new Map<string, number>()
  const key = (name: string, labels: Labels = {}) =>
    `${name}{${Object.entries(labels).map(([label, value]) => `${label}=${value}`)}}`
  return {
    values,
    counter: ({ name }) => ({
      inc: (labels, by = 1) => values.set(key(name, labels), (values.get(key(name, labels)) ?? 0) + by),
    }),
    gauge: ({ name }) => ({ set: (value, labels) => values.set(key(name, labels), value) }),
    histogram: () => ({ observe: () => {} }),
  }
}
