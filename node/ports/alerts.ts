/** What is measured of a window of a series. Prices in quote per base, both in base units. */
export const measures = [
  'price',
  'vwap',
  'return',
  'range',
  'volumeBase',
  'volumeQuote',
  'trades',
  'deviation',
] as const
export type Measure = (typeof measures)[number]

/** What an alert may be of: `psi` is how far a number that a model takes or gives has gone from its reference. */
export const alertMeasures = [...measures, 'psi'] as const
export type AlertMeasure = (typeof alertMeasures)[number]

export const severities = ['info', 'warning', 'critical'] as const
export type Severity = (typeof severities)[number]

/** When a measured value is worth an alert. */
export type AlertCondition =
  | { readonly kind: 'above' | 'below'; readonly limit: number }
  /**
   * It lies more than `sigmas` robust standard deviations from the median of the `of` whole windows before: 1.4826 times
   * the median absolute deviation (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
   */
  | { readonly kind: 'unlike'; readonly sigmas: number; readonly of: number }

export interface AlertRule {
  readonly name: string
  /** Ids of series; `*` stands for any characters. */
  readonly series: string
  readonly measure: Measure
  readonly windowSeconds: number
  readonly condition: AlertCondition
  /** So long it must hold, in seconds of the chain; 0 fires at once. */
  readonly forSeconds: number
  readonly severity: Severity
}

/** Watches the drift of models. */
export interface DriftRule {
  readonly name: string
  /** Ids of models; `*` stands for any characters. */
  readonly model: string
  /** It fires while the index of an input or output is greater. */
  readonly limit: number
  /** So long it must hold, in seconds of the node's clock; 0 fires at once. */
  readonly forSeconds: number
  readonly severity: Severity
}

/** One time that a rule held of a series: from when it fired until it did not hold any more. */
export interface Alert {
  /** Rises. */
  readonly id: bigint
  readonly rule: string
  /** Of a model: `model/<id>/<version>/<input or output>/<name>`. */
  readonly series: string
  /** Null where it is of a model. */
  readonly chainId: number | null
  readonly severity: Severity
  readonly state: 'firing' | 'resolved'
  /** Unix seconds of the chain; of the node's clock where it is of a model. */
  readonly startedAt: number
  readonly endedAt: number | null
  readonly measure: AlertMeasure
  /** Value that made it fire. */
  readonly value: number
  /** In words: the value, and what it was held against. */
  readonly text: string
}

/** Rejects with `DatabaseError`. */
export interface AlertStore {
  firing(): Promise<readonly Alert[]>
  /** Resolves with the alert, saved with a notice of it; with the one of that rule and series that is firing already, where there is one. */
  fire(alert: Omit<Alert, 'id' | 'state' | 'endedAt'>): Promise<Alert>
  /** Resolves with the alert, ended at `at` or before; null where there is no such alert. */
  resolve(id: bigint, at: number): Promise<Alert | null>
  /** Newest first; `before` an id. `limit` 1..100. */
  list(filter: {
    readonly state?: Alert['state']
    readonly rule?: string
    readonly before?: bigint
    readonly limit: number
  }): Promise<readonly Alert[]>
}
