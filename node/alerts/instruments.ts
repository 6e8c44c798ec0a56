import type { Alert, AlertRule } from '../ports/alerts.ts'
import type { Metrics } from '../ports/metrics.ts'

/** Shows how many alerts of each rule are firing. */
export function firingGauge(
  rules: readonly Pick<AlertRule, 'name' | 'severity'>[],
  metrics: Metrics,
): (firing: readonly Alert[]) => void {
  const gauge = metrics.gauge({
    name: 'iyi_alerts_firing',
    help: 'Series, or inputs and outputs of models, of which a rule holds.',
    labels: ['rule', 'severity'],
  })
  return (firing) => {
    for (const { name, severity } of rules)
      gauge.set(firing.filter(({ rule }) => rule === name).length, { rule: name, severity })
  }
}
