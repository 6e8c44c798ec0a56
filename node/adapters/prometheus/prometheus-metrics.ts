import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { IyiError } from '../../ports/errors.ts'
import type { Labels, MetricSpec, Metrics } from '../../ports/metrics.ts'

type Kind = 'counter' | 'gauge' | 'histogram'

/**
 * `METRIC_BAD_NAME`, `METRIC_CONFLICT` (one name, two kinds, label sets or bucket lists), `METRIC_BAD_LABELS` (an
 * observation whose labels are not the declared ones), `METRIC_BAD_VALUE`. All are faults of the calling code.
 */
export class MetricsError extends IyiError<
  'METRIC_BAD_NAME' | 'METRIC_CONFLICT' | 'METRIC_BAD_LABELS' | 'METRIC_BAD_VALUE',
  { name: string }
> {}

/** What Prometheus scrapes. */
export interface Exposer {
  expose(): Promise<{ contentType: string; body: string }>
}

interface Entry {
  readonly kind: Kind
  readonly labels: readonly string[]
  readonly buckets: readonly number[] | undefined
  readonly instrument: unknown
}

const namePattern = /^iyi_[a-z0-9]+(_[a-z0-9]+)*$/
const labelPattern = /^[a-z][a-z0-9_]*$/

/**
 * Metrics over prom-client, in a registry of its own: two nodes in one process don't mix. Ours are named `iyi_...`;
 * those of the process and of Node.js keep the names that dashboards know (`process_...`, `nodejs_...`).
 */
export function prometheusMetrics(options: { defaultLabels?: Labels } = {}): Metrics & Exposer {
  const registry = new Registry()
  if (options.defaultLabels !== undefined) registry.setDefaultLabels(options.defaultLabels)
  collectDefaultMetrics({ register: registry })
  const entries = new Map<string, Entry>()

  function once<I>(kind: Kind, spec: MetricSpec & { buckets?: readonly number[] }, make: () => I): I {
    const labels = [...(spec.labels ?? [])].sort()
    const known = entries.get(spec.name)
    if (known !== undefined) {
      if (known.kind !== kind || !same(known.labels, labels) || !same(known.buckets, spec.buckets))
        throw conflict(spec.name, known, kind, labels)
      return known.instrument as I // the same kind was made under this name, by the line below
    }
    if (!namePattern.test(spec.name) || !labels.every((label) => labelPattern.test(label)))
      throw new MetricsError(
        'METRIC_BAD_NAME',
        `Metric ${spec.name} (labels ${labels.join(', ')}) must be called iyi_<subsystem>_<name>_<unit>, in lower case.`,
        { data: { name: spec.name } },
      )
    const instrument = make()
    entries.set(spec.name, { kind, labels, buckets: spec.buckets, instrument })
    return instrument
  }

  function base(spec: MetricSpec) {
    return { name: spec.name, help: spec.help, labelNames: [...(spec.labels ?? [])], registers: [registry] }
  }

  return {
    counter: (spec) =>
      once('counter', spec, () => {
        const counter = new Counter(base(spec))
        return {
          inc: (labels: Labels = {}, by = 1) => {
            check(spec, labels, by)
            if (by < 0) throw badValue(spec.name, by)
            counter.inc(labels, by)
          },
        }
      }),
    gauge: (spec) =>
      once('gauge', spec, () => {
        const gauge = new Gauge(base(spec))
        return {
          set: (value: number, labels: Labels = {}) => {
            check(spec, labels, value)
            gauge.set(labels, value)
          },
        }
      }),
    histogram: (spec) =>
      once('histogram', spec, () => {
        const histogram = new Histogram({
          ...base(spec),
          ...(spec.buckets === undefined ? {} : { buckets: [...spec.buckets] }),
        })
        return {
          observe: (value: number, labels: Labels = {}) => {
            check(spec, labels, value)
            histogram.observe(labels, value)
          },
        }
      }),
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

function check(spec: MetricSpec, labels: Labels, value: number): void {
  const declared = spec.labels ?? []
  if (!Number.isFinite(value)) throw badValue(spec.name, value)
  if (Object.keys(labels).length === declared.length && declared.every((name) => Object.hasOwn(labels, name)))
    return
  throw new MetricsError(
    'METRIC_BAD_LABELS',
    `Metric ${spec.name} is declared with the labels [${declared.join(', ')}] but was given [${Object.keys(labels).join(', ')}]. Give exactly the declared ones.`,
    { data: { name: spec.name } },
  )
}

function badValue(name: string, value: number): MetricsError {
  return new MetricsError(
    'METRIC_BAD_VALUE',
    `Metric ${name} was given ${value}. Give a finite number; a counter only rises.`,
    { data: { name } },
  )
}

function conflict(name: string, known: Entry, kind: Kind, labels: readonly string[]): MetricsError {
  return new MetricsError(
    'METRIC_CONFLICT',
    `Metric ${name} exists as ${known.kind} with the labels [${known.labels.join(', ')}], and was asked for as ${kind} with [${labels.join(', ')}] or with other buckets. Use another name.`,
    { data: { name } },
  )
}

function same<T>(a: readonly T[] | undefined, b: readonly T[] | undefined): boolean {
  return (
    a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((x, i) => x === b[i]))
  )
}
