import { onTestFinished } from 'vitest'
import { type Gateway, type GatewayOptions, gateway } from '../../../node/adapters/hono/gateway.ts'
import type { NodeView } from '../../../node/adapters/hono/node-view.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import type { Clock } from '../../../node/ports/clock.ts'

/** Real time, with timers that a test can fire at once. */
export function testClock() {
  const pending = new Set<{ delayMs: number; fire: () => void }>()
  const clock: Clock = {
    now: () => 1_700_000_000_000,
    monotonic: () => performance.now(),
    setTimer: (delayMs, fire) => {
      const timer = { delayMs, fire }
      pending.add(timer)
      return { cancel: () => void pending.delete(timer) }
    },
  }
  return {
    clock,
    pending,
    fire: (delayMs: number) => {
      for (const timer of [...pending])
        if (timer.delayMs === delayMs) {
          pending.delete(timer)
          timer.fire()
        }
    },
  }
}

export const nodeView: NodeView = {
  identity: () => ({ id: 'node-1', name: 'one', version: '0.1.0' }),
  freshness: async () => [],
  readiness: async () => ({ ready: true, checks: [{ name: 'database', ok: true, detail: 'answers' }] }),
  plugins: () => [],
  peers: () => [],
  trust: () => [],
  chainEvidence: async () => ({ records: [], cursor: null }),
  oneChainEvidence: async () => null,
  duties: () => [],
  offences: async () => ({ records: [], cursor: null }),
  offence: async () => null,
}

/** What the gateway's own routes read. */
type Doors = Pick<Parameters<typeof gateway>[1], 'custom' | 'alerts' | 'graphql' | 'undecoded' | 'series'>

/** A gateway on a free port of loopback, closed with the test. `setup` adds routes before it listens. */
export async function serve(
  setup: (door: Gateway) => void = () => {},
  options: Partial<GatewayOptions> = {},
  view: Partial<NodeView> = {},
  {
    custom = { tables: () => [], rows: async () => ({ rows: [], isCut: false }) },
    alerts = { list: async () => [] },
    ...doors
  }: Partial<Doors> = {},
) {
  const logs: Record<string, unknown>[] = []
  const log = pinoLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void logs.push(JSON.parse(line)) },
  })
  const metrics = prometheusMetrics()
  const time = testClock()
  const door = gateway(
    { host: '127.0.0.1', port: 0, corsOrigins: ['*'], maxBodyBytes: 10_000, version: '1.2.3', ...options },
    { clock: time.clock, log, metrics, node: { ...nodeView, ...view }, custom, alerts, ...doors },
  )
  setup(door)
  const { url } = await door.listen()
  onTestFinished(() => door.close(AbortSignal.abort()))
  return { door, url, logs, metrics, time }
}

/** Waits until `check` gives something else than undefined or false. */
export async function until<T>(check: () => T | undefined | false, timeoutMs = 5000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = check()
    if (value !== undefined && value !== false) return value as T
    if (performance.now() > deadline) throw new Error('the condition did not come true in time')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** An SSE client over fetch: collects frames as they come. */
export function listen(url: string, headers: Record<string, string> = {}) {
  const before = new AbortController()
  const frames: string[] = []
  let ended = false
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const response = fetch(url, { headers, signal: before.signal })
  const done = (async () => {
    const decoder = new TextDecoder()
    let rest = ''
    try {
      reader = (await response).body?.getReader()
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
        rest += decoder.decode(part.value, { stream: true })
        const parts = rest.split('\n\n')
        rest = parts.pop() ?? ''
        frames.push(...parts)
      }
    } catch {
      // aborted or cut off
    }
    ended = true
  })()
  // A body that is being read is cancelled, not aborted: aborting it as the server cuts it leaves fetch with an error
  // that nobody can catch.
  const abort = () => {
    if (reader === undefined) before.abort()
    else reader.cancel().catch(() => {})
  }
  onTestFinished(async () => {
    abort()
    await done
  })
  const events = () => frames.filter((frame) => frame.includes('data:')).map(parseFrame)
  return { response, frames, events, done, abort, ended: () => ended }
}

function parseFrame(frame: string) {
  const field = (name: string) =>
    frame
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  return { id: field('id'), type: field('event'), data: JSON.parse(field('data') ?? 'null') as unknown }
}
