import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from 'pg'
import type { IndexerConfig } from '../../../node/adapters/ponder/indexer-config.ts'
import { stages } from '../../../node/ports/events.ts'
import type { Logger } from '../../../node/ports/log.ts'
import { testPool } from '../../../test/adapters/ponder/fixture.ts'
import { until } from '../../../test/e2e/kit/until.ts'
import { candlesAgree } from '../candles.ts'
import { CONFIRMATIONS, FINALITY, type TortureChain } from '../chain.ts'
import { checkNotices } from '../check-notices.ts'
import { cleanIndex } from '../clean-index.ts'
import { asTheChainSays, caughtUp, sameRows, type Tables } from '../compare-index.ts'
import { Difference, differing } from '../difference.ts'
import { names } from '../names.ts'
import { canonical, textOf, trueEvents } from '../truth.ts'
import type { Followed, Home } from './home.ts'

const VIEWS = 'iyi_index'
const BOOKS = 'iyi_bookkeeper'
const CATCH_UP_MS = 300_000
const CONSUMER_MS = 60_000

export interface Audited {
  readonly events: number
  readonly candles: number
  readonly rows: number
  readonly hash: string
  readonly builds: number
  readonly told: number
  readonly again: number
  /** Notices that took an event back. */
  readonly reverted: number
}

/** Holds everything that the node has against the chains, which are quiet, and against a clean index of them. */
export async function audit(
  of: {
    readonly home: Home
    readonly chains: readonly TortureChain[]
    readonly followed: Followed
    readonly server: string
    readonly name: string
  },
  { log }: { log: Logger },
): Promise<Audited> {
  const { home, chains, followed, server, name } = of
  const pool = testPool({ connectionString: home.databaseUrl(), max: 3 })
  try {
    const live = await liveBuild(pool, chains, followed)
    const config = JSON.parse(
      readFileSync(join(home.dataDir, 'index', live.schema, 'indexer.json'), 'utf8'),
    ) as IndexerConfig
    const clean = await cleanIndex({ config, server, name, dir: join(home.dir, name) }, { log })
    try {
      for (const chain of chains) await chain.mine(1)
      for (const [what, tables] of [
        ['the index', live],
        ['the clean index', clean],
      ] as const)
        await caughtUp(async () => tables, chains, {
          withinMs: CATCH_UP_MS,
          what: `${what} is up to its chains`,
        })
      const compared = await sameRows(live, clean)
      let events = 0
      for (const chain of chains) events += await asTheChainSays(live, chain, followed)
      for (const stage of stages) await booksAgree(pool, chains, stage, followed)
      await checkNotices({ pool, schema: 'iyi' })
      await nothingLeft(pool)
      const candles = await candlesAgree({ pool, schema: 'iyi' }, chains, followed)
      return { ...compared, events, candles, ...(await countsOf(pool)) }
    } finally {
      await clean.stop()
    }
  } finally {
    await pool.end()
  }
}

/** The build of what is configured now, once it is the one that is read. */
async function liveBuild(pool: Pool, chains: readonly TortureChain[], { tokens }: Followed): Promise<Tables> {
  const wanted = chains
    .flatMap(({ custom }) => tokens.map((at) => `custom_${custom[at]?.name}_transfer`))
    .sort()
    .join()
  let seen: unknown
  const schema = await until(
    'the configured build is live',
    async () => {
      const { rows } = await pool.query<{ schema: string; state: string; note: string | null }>(
        `select schema, state, note from "${VIEWS}"."_iyi_build"`,
      )
      seen = JSON.stringify(rows)
      const refused = rows.find(({ state }) => state === 'refused')
      if (refused !== undefined) return refused.schema
      const live = rows.find(({ state }) => state === 'live')
      if (live === undefined || rows.some(({ state }) => state === 'building')) return null
      const tables = await pool.query<{ name: string }>(
        `select table_name as name from information_schema.tables
         where table_schema = $1 and table_name like 'custom\\_%' order by 1`,
        [live.schema],
      )
      return tables.rows.map(({ name }) => name).join() === wanted ? live.schema : null
    },
    { withinMs: CATCH_UP_MS, saw: () => seen },
  )
  if (String(seen).includes('"refused"'))
    throw new Difference('builds', 'a build was refused', [String(seen)])
  return { pool, schema }
}

/** What the plugin wrote down, at one stage, is what the chain has: each log once, and nothing else. */
async function booksAgree(
  pool: Pool,
  chains: readonly TortureChain[],
  stage: (typeof stages)[number],
  followed: Followed,
): Promise<void> {
  const depth = BigInt({ seen: 0, confirmed: CONFIRMATIONS, final: FINALITY }[stage])
  const wanted: string[] = []
  for (const chain of chains) {
    const tip = await chain.anvil.client.getBlockNumber()
    const logs = await trueEvents(chain, followed)
    wanted.push(...logs.filter(({ blockNumber }) => blockNumber <= tip - depth).map(textOf))
  }
  let found: readonly string[] | null = null
  let count = 0
  const agree = async () => {
    const { rows } = await pool.query<{ row: string; data: string; sum: number }>(
      `select concat_ws(' ', chain_id, block_number, block_hash, log_index, name) as row, data, sum(change)::int as sum
       from "${BOOKS}".entry where stage = $1 group by 1, 2 having sum(change) <> 0`,
      [stage],
    )
    count = rows.length
    const believed = rows.flatMap(({ row, data, sum }) =>
      Array<string>(Math.max(1, Math.abs(sum))).fill(
        `${row} ${canonical(JSON.parse(data))}${sum < 0 ? ' taken back and never told' : ''}`,
      ),
    )
    found = differing({ name: `consumer ${stage}`, rows: believed }, { name: 'chain', rows: wanted })
    return found === null
  }
  await until(`consumer ${stage}`, agree, { withinMs: CONSUMER_MS }).catch(() => {
    throw new Difference(
      `consumer ${stage}`,
      `it believes in ${count} events, the chain has ${wanted.length}`,
      found ?? [],
    )
  })
}

/** Every consumer of the bookkeeper has heard of every notice that it asked for, once it had a while for it. */
async function nothingLeft(pool: Pool): Promise<void> {
  let left: readonly string[] = []
  const heard = async () => {
    const { rows } = await pool.query<Record<string, unknown>>(
      `select consumer, c.chain_id, c.seq, n.seq as unheard, n.name, n.before, n.after
       from iyi.event_consumer c
       join iyi.event_notice n on n.chain_id = c.chain_id and n.seq > c.seq
       where n.name = any($1) and (n.before < c.stage) <> (n.after < c.stage) limit 6`,
      [names],
    )
    left = rows.map((row) => JSON.stringify(row))
    return left.length === 0
  }
  await until('every consumer is at the end', heard, { withinMs: CONSUMER_MS }).catch((error: unknown) => {
    throw left.length === 0 ? error : new Difference('cursors', 'a consumer was not told of all', left)
  })
}

/** Waits until the node took an event back, under load; that it never does is told by the audit's counts. */
export async function tookBack(home: Home): Promise<void> {
  const pool = testPool({ connectionString: home.databaseUrl(), max: 1 })
  const found = async () =>
    (await pool.query('select from iyi.event_notice where after = 0 limit 1')).rows.length > 0
  await until('an event is taken back', found, { withinMs: CONSUMER_MS, everyMs: 500 }).catch(() => {})
  await pool.end()
}

async function countsOf(pool: Pool): Promise<Pick<Audited, 'builds' | 'told' | 'again' | 'reverted'>> {
  const { rows } = await pool.query<Pick<Audited, 'builds' | 'told' | 'again' | 'reverted'>>(
    `select (select count(*)::int from "${VIEWS}"."_iyi_build") as builds,
            (select count(*)::int from iyi.event_notice where after = 0) as reverted,
            coalesce(sum(times), 0)::int as told, coalesce(sum(times - 1), 0)::int as again from "${BOOKS}".told`,
  )
  return rows[0] ?? { builds: 0, told: 0, again: 0, reverted: 0 }
}
