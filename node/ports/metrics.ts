/** Label values of one observation, by label name. */
export type Labels = Readonly<Record<string, string | number>>

export interface Counter {
  inc(labels?: Labels, by?: number): void
}
export interface Gauge {
  set(value: number, labels?: Labels): void
}
export interface Histogram {
  observe(value: number, labels?: Labels): void
}

/** What a metric is called and says. Names: `iyi_<subsystem>_<name>_<unit>`. */
export interface MetricSpec {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
}

/** Metrics registry; asking twice for one name returns the same instrument. */
export interface Metrics {
  counter(spec: MetricSpec): Counter
  gauge(spec: MetricSpec): Gauge
  histogram(spec: MetricSpec & { readonly buckets?: readonly number[] }): Histogram
}
