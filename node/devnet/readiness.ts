import { join } from 'node:path'
import { DevnetError } from './errors.ts'
import type { PortPlan } from './port-plan.ts'

/** On a machine of two cores that does other things too, all that starts waits for all the rest. */
const LIMIT_MS_EACH = 30_000

/**
 * Resolves once every validator says that it is ready and every feed has a round.
 * @throws DevnetError `DEVNET_NOT_READY` with what was missing at last
 */
export async function waitUntilReady(options: {
  ports: PortPlan
  feeds: readonly { id: string }[]
  logs: string
  signal: AbortSignal
}): Promise<void> {
  const limitMs = LIMIT_MS_EACH * options.ports.api.length
  const deadline = Date.now() + limitMs
  let missing: string[] = []
  while (Date.now() < deadline) {
    options.signal.throwIfAborted()
    missing = await whatIsMissing(options)
    if (missing.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new DevnetError(
    'DEVNET_NOT_READY',
    `the network is not ready after ${limitMs / 1000} s: ${missing.join('; ')}. The logs are in ${join(options.logs)}`,
    { missing: missing.join('; ') },
  )
}

/** What the end of a validator means for the feeds; one that was started again by hand counts. */
export async function standing({ ports }: { ports: PortPlan }): Promise<string> {
  const asked = await Promise.all(ports.api.map((port) => getJson(`http://127.0.0.1:${port}/v1/quorum`)))
  const answers = asked.filter((answer) => answer !== null)
  const [duty] = (answers[0] as { data?: { n: number; quorum: number }[] } | undefined)?.data ?? []
  return standingLine({ own: asked.length, running: answers.length, duty: duty ?? null })
}

/** @param counts `duty`: as the validators that run have it; null when none does */
export function standingLine(counts: {
  own: number
  running: number
  duty: { n: number; quorum: number } | null
}): string {
  const { own, running, duty } = counts
  if (duty === null) return `${running} of ${own} validators run: the feeds stand still`
  // Others were added by hand, and whether they run is not known here.
  if (duty.n !== own)
    return `${running} of these ${own} validators run; the feeds have ${duty.n}, and ${duty.quorum} are needed`
  const lacking = duty.quorum - running
  const state =
    lacking <= 0
      ? 'the feeds go on'
      : `the feeds stand still until ${lacking} more ${lacking === 1 ? 'runs' : 'run'}`
  return `${running} of ${own} validators run, and ${duty.quorum} are needed: ${state}`
}

async function whatIsMissing(options: {
  ports: PortPlan
  feeds: readonly { id: string }[]
}): Promise<string[]> {
  const answers = await Promise.all(
    options.ports.api.map(async (port, index) => {
      const answer = await getJson(`http://127.0.0.1:${port}/ready`)
      if (answer === null) return [`validator-${index} does not answer`]
      const { ready, checks } = answer as {
        ready?: boolean
        checks?: { name: string; ok: boolean; detail: string }[]
      }
      if (ready === true) return []
      return (checks ?? [])
        .filter((check) => !check.ok)
        .map((check) => `validator-${index} ${check.name}: ${check.detail}`)
    }),
  )
  const missing = answers.flat()
  if (missing.length > 0) return missing
  const [port] = options.ports.api
  const listed = (await getJson(`http://127.0.0.1:${port}/v1/feeds?limit=100`)) as {
    data?: { id: string; latest: unknown }[]
  } | null
  return options.feeds
    .filter(({ id }) => (listed?.data ?? []).find((feed) => feed.id === id)?.latest == null)
    .map(({ id }) => `feed ${id} has no round`)
}

async function getJson(url: string): Promise<unknown> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(3_000) })).json()
  } catch {
    return null
  }
}
