import { z } from 'zod'
import type { Logger } from '../../ports/log.ts'
import type { NodeView, Readiness } from './node-view.ts'

export const readinessSchema = z.object({
  ready: z.boolean(),
  checks: z.array(
    z.object({
      name: z.string(),
      ok: z.boolean(),
      detail: z.string().meta({ description: 'What was found; the remedy when it is not ok' }),
    }),
  ),
})

/** The node's readiness; a check that itself fails makes the node not ready instead of failing the request. */
export async function readReadiness(node: Pick<NodeView, 'readiness'>, log: Logger): Promise<Readiness> {
  try {
    const { ready, checks } = await node.readiness()
    return { ready, checks: checks.map(({ name, ok, detail }) => ({ name, ok, detail })) }
  } catch (err) {
    log.error({ err }, 'Fail to check readiness')
    return {
      ready: false,
      checks: [{ name: 'readiness', ok: false, detail: "The check itself failed; see the node's log." }],
    }
  }
}
