import { describe, expect, it } from 'vitest'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'

function code(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}

describe('prometheus metrics', () => {
  it('exposes counters, gauges and histograms with default labels, and the process', async () => {
    const metrics = prometheusMetrics({ defaultLabels: { node: 'n1' } })
    metrics.counter({ name: 'iyi_a_things_total', help: 'Things', labels: ['kind'] }).inc({ kind: 'x' }, 2)
    metrics.gauge({ name: 'iyi_a_level', help: 'Level' }).set(-1.5)
    metrics.histogram({ name: 'iyi_a_duration_seconds', help: 'Time', buckets: [0.1, 1] }).observe(0.5)
    const { contentType, body } = await metrics.expose()
    expect(contentType).toContain('text/plain')
    expect(body).toContain('iyi_a_things_total{kind="x",node="n1"} 2')
    expect(body).toContain('iyi_a_level{node="n1"} -1.5')
    expect(body).toContain('iyi_a_duration_seconds_bucket{le="1",node="n1"} 1')
    expect(body).toContain('nodejs_eventloop_lag_seconds')
    expect(body).toContain('process_cpu_seconds_total')
  })

  it('gives the same instrument for the same name', async () => {
    const metrics = prometheusMetrics()
    const spec = { name: 'iyi_a_things_total', help: 'Things', labels: ['b', 'a'] }
    const first = metrics.counter(spec)
    expect(metrics.counter({ ...spec, labels: ['a', 'b'] })).toBe(first)
    first.inc({ a: 1, b: 2 })
    expect((await metrics.expose()).body).toContain('iyi_a_things_total{')
  })

  it('keeps two registries apart', async () => {
    const [a, b] = [prometheusMetrics(), prometheusMetrics()]
    a.counter({ name: 'iyi_only_a_total', help: 'A' }).inc()
    expect((await b.expose()).body).not.toContain('iyi_only_a_total')
  })

  it('refuses one name with another kind, other labels or other buckets', () => {
    const metrics = prometheusMetrics()
    metrics.counter({ name: 'iyi_a_total', help: 'A', labels: ['x'] })
    metrics.histogram({ name: 'iyi_h_seconds', help: 'H', buckets: [1] })
    expect(code(() => metrics.gauge({ name: 'iyi_a_total', help: 'A', labels: ['x'] }))).toBe(
      'METRIC_CONFLICT',
    )
    expect(code(() => metrics.counter({ name: 'iyi_a_total', help: 'A' }))).toBe('METRIC_CONFLICT')
    expect(code(() => metrics.histogram({ name: 'iyi_h_seconds', help: 'H', buckets: [2] }))).toBe(
      'METRIC_CONFLICT',
    )
  })

  it('refuses bad names, labels and values', () => {
    const metrics = prometheusMetrics()
    expect(code(() => metrics.counter({ name: 'requests', help: '' }))).toBe('METRIC_BAD_NAME')
    expect(code(() => metrics.counter({ name: 'iyi_x', help: '', labels: ['le-x'] }))).toBe('METRIC_BAD_NAME')
    const counter = metrics.counter({ name: 'iyi_b_total', help: 'B', labels: ['x'] })
    expect(code(() => counter.inc())).toBe('METRIC_BAD_LABELS')
    expect(code(() => counter.inc({ y: 1 }))).toBe('METRIC_BAD_LABELS')
    expect(code(() => counter.inc({ x: 1, y: 1 }))).toBe('METRIC_BAD_LABELS')
    expect(code(() => counter.inc({ x: 1 }, -1))).toBe('METRIC_BAD_VALUE')
    expect(code(() => metrics.gauge({ name: 'iyi_g', help: 'G' }).set(Number.NaN))).toBe('METRIC_BAD_VALUE')
  })
})
