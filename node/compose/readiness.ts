import type { NodeView, Readiness, ReadinessCheck } from '../adapters/hono/node-view.ts'
import type { Health } from '../ports/health.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { DutyStatus } from '../ports/quorum.ts'

/** A block that waits longer for its providers, or for the index, is worth a look. */
const MAX_WAIT_SECONDS = 60
/** An index farther behind its chain than this makes a node say that it is not ready. */
const MAX_LAG_SECONDS = 60

export interface ReadinessSources {
  readonly database: () => Health
  readonly index: Pick<IndexReader, 'freshness'>
  /** Who keeps the index, and who watches that it moves. */
  readonly indexer: () => Health
  readonly trust: NodeView['trust']
  /** Unix milliseconds. */
  readonly now: () => number
  readonly duties: () => readonly DutyStatus[]
  /** Whether this process still holds the right to sign as this validator. */
  readonly maySign: () => boolean
  readonly inference: () => Health
  readonly events: () => Health
  /** Where the node publishes anything. */
  readonly outbox?: () => Health
  /** Who makes the time series; null where nobody does. */
  readonly series: (() => Health) | null
  /** Who holds the operator's rules against them. */
  readonly alerts?: () => Health
}

/** Ready only when database, index, peers, signer and models are fine; each check says why not. */
export async function readiness(sources: ReadinessSources): Promise<Readiness> {
  const checks: ReadinessCheck[] = [
    ofHealth('database', sources.database()),
    await indexCheck(sources.index),
    ofHealth('indexer', sources.indexer()),
    providersCheck(sources.trust()),
    agreementCheck(sources.trust(), sources.now()),
    peersCheck(sources.duties()),
    sources.maySign()
      ? { name: 'signer', ok: true, detail: 'this process holds the right to sign' }
      : {
          name: 'signer',
          ok: false,
          detail: 'the right to sign was lost: restart the node once the database is back',
        },
    dutiesCheck(sources.duties()),
    ofHealth('inference', sources.inference()),
    toldCheck('events', sources.events()),
    ...(sources.series === null ? [] : [toldCheck('series', sources.series())]),
    ...(sources.alerts === undefined ? [] : [toldCheck('alerts', sources.alerts())]),
    ...(sources.outbox === undefined ? [] : [toldCheck('outbox', sources.outbox())]),
  ]
  return { ready: checks.every((check) => check.ok), checks }
}

/** An event that a plugin can't handle, candles that stand still, a broker that is away are told of, and make no validator unfit. */
function toldCheck(name: string, health: Health): ReadinessCheck {
  return { ...ofHealth(name, health), ok: health.status !== 'failed' }
}

function ofHealth(name: string, health: Health): ReadinessCheck {
  return health.status === 'ok'
    ? { name, ok: true, detail: health.detail ?? 'ok' }
    : { name, ok: false, detail: health.reason }
}

async function indexCheck(index: Pick<IndexReader, 'freshness'>): Promise<ReadinessCheck> {
  const name = 'index'
  try {
    const behind: string[] = []
    const fine: string[] = []
    for (const chain of await index.freshness()) {
      if (chain.head === null) behind.push(`${chain.name}: its providers do not answer`)
      else if (chain.indexed === null) behind.push(`${chain.name}: not indexed yet`)
      else {
        const lag = chain.head.timestamp - chain.indexed.timestamp
        const told = `${chain.name}: ${Math.max(0, lag)} s behind (${chain.lagBlocks} blocks)`
        if (lag > MAX_LAG_SECONDS) behind.push(`${told}, at most ${MAX_LAG_SECONDS} s are fine`)
        else fine.push(told)
      }
    }
    return behind.length === 0
      ? { name, ok: true, detail: fine.join('; ') }
      : { name, ok: false, detail: behind.join('; ') }
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** What each chain's providers do and are asked; not ok where none is well. */
function providersCheck(chains: ReturnType<NodeView['trust']>): ReadinessCheck {
  const none = chains.filter(({ providers }) => providers.every(({ state }) => state !== 'well'))
  const detail = chains
    .map(({ name, providers }) => {
      const well = providers.filter(({ state }) => state === 'well').length
      const asked = providers.map(
        ({ host, state, perSecond, limitPerSecond }) =>
          `${host} ${state}, ${perSecond.toFixed(1)}${limitPerSecond === null ? '' : ` of ${limitPerSecond}`} requests/s`,
      )
      return `${name}: ${well} of ${providers.length} well (${asked.join('; ')})`
    })
    .join('; ')
  return { name: 'providers', ok: none.length === 0, detail }
}

function agreementCheck(chains: ReturnType<NodeView['trust']>, now: number): ReadinessCheck {
  const name = 'agreement'
  const troubled = chains.flatMap((chain) => {
    const found = chain.halts.map(({ cause, reason }) => `${chain.name}: halted (${cause}): ${reason}`)
    const waits = chain.waiting === null ? 0 : Math.floor((now - chain.waiting.since) / 1_000)
    if (found.length === 0 && chain.waiting !== null && waits > MAX_WAIT_SECONDS)
      found.push(`${chain.name}: not agreed for ${waits} s: ${chain.waiting.reason}`)
    return found
  })
  if (troubled.length > 0) return { name, ok: false, detail: troubled.join('; ') }
  return {
    name,
    ok: true,
    detail: chains
      .map((chain) => `${chain.name}: up to block ${chain.agreed ?? 'none yet'}, by ${chain.required}`)
      .join('; '),
  }
}

/** A duty makes progress only with a Byzantine quorum, so that many validators must be within reach. */
function peersCheck(duties: readonly DutyStatus[]): ReadinessCheck {
  const name = 'peers'
  const short: string[] = []
  const running = duties.filter(({ state }) => state === 'running')
  if (running.length === 0) return { name, ok: true, detail: 'no duty runs' }
  for (const duty of running) {
    const reached = duty.oracles.filter((oracle) => oracle.connected || oracle.index === duty.self).length
    const needed = Math.floor((duty.n + duty.f) / 2) + 1
    if (reached < needed)
      short.push(`${duty.dutyId}: ${reached} of ${duty.n} validators within reach, ${needed} needed`)
  }
  return short.length === 0
    ? { name, ok: true, detail: 'a quorum is within reach' }
    : { name, ok: false, detail: short.join('; ') }
}

function dutiesCheck(duties: readonly DutyStatus[]): ReadinessCheck {
  const name = 'duties'
  const idle = duties.filter(({ state }) => state !== 'running' && state !== 'observer')
  return idle.length === 0
    ? { name, ok: true, detail: countsOf(duties) }
    : {
        name,
        ok: false,
        detail: idle
          .map(
            ({ dutyId, state, reason }) => `${dutyId}: ${state}${reason === undefined ? '' : `, ${reason}`}`,
          )
          .join('; '),
      }
}

/** `2 running, 1 observer`. */
function countsOf(duties: readonly DutyStatus[]): string {
  const running = duties.filter(({ state }) => state === 'running').length
  const observer = duties.length - running
  return observer === 0 ? `${running} running` : `${running} running, ${observer} observer`
}
