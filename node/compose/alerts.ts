import { alertJson } from '../adapters/hono/alert-routes.ts'
import { driftWatch } from '../alerts/drift-watch.ts'
import { type AlertWatch, alertWatch } from '../alerts/watch.ts'
import { driftRules, seriesRules } from '../config/alerts-schema.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { SeriesReader } from '../ports/series.ts'

/** The operator's rules, held against the series, where there are any, and the drift of models; what they find goes to the stream. */
export function configuredAlerts(
  config: Pick<NodeConfig, 'alerts'>,
  modules: Omit<Parameters<typeof driftWatch>[1], 'tell'> & {
    readonly series: SeriesReader | null
    readonly publish: (event: { type: string; data: ReturnType<typeof alertJson> }) => void
  },
): AlertWatch {
  const { publish, series, drift, ...common } = modules
  const tell: Parameters<typeof driftWatch>[1]['tell'] = (alert) =>
    publish({ type: 'alert', data: alertJson(alert) })
  const watches = [
    ...(series === null
      ? []
      : [alertWatch({ rules: seriesRules(config.alerts) }, { ...common, series, tell })]),
    driftWatch({ rules: driftRules(config.alerts) }, { ...common, drift, tell }),
  ]
  return {
    async start() {
      for (const watch of watches) await watch.start()
    },
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()))
    },
    health: () => {
      const healths = watches.map((watch) => watch.health())
      return healths.find(({ status }) => status !== 'ok') ?? { status: 'ok' }
    },
  }
}

/** Names of the outbox that are told of alerts. */
export function alertTargets({ outbox }: Pick<NodeConfig, 'outbox'>): readonly string[] {
  return outbox.filter(({ alerts }) => alerts).map(({ name }) => name)
}
