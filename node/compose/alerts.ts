import { alertJson } from '../adapters/hono/alert-routes.ts'
import { alertWatch } from '../alerts/watch.ts'
import { alertRule } from '../config/alerts-schema.ts'
import type { NodeConfig } from '../config/schema.ts'

/** The operator's rules, held against the series; what they find goes to the stream. */
export function configuredAlerts(
  config: Pick<NodeConfig, 'alerts'>,
  modules: Omit<Parameters<typeof alertWatch>[1], 'tell'> & {
    readonly publish: (event: { type: string; data: ReturnType<typeof alertJson> }) => void
  },
) {
  const { publish, ...given } = modules
  return alertWatch(
    { rules: config.alerts.map(alertRule) },
    { ...given, tell: (alert) => publish({ type: 'alert', data: alertJson(alert) }) },
  )
}

/** Names of the outbox that are told of alerts. */
export function alertTargets({ outbox }: Pick<NodeConfig, 'outbox'>): readonly string[] {
  return outbox.filter(({ alerts }) => alerts).map(({ name }) => name)
}
