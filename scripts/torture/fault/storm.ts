import { join } from 'node:path'
import type { Pool } from 'pg'
import { testPool } from '../../../test/adapters/ponder/fixture.ts'
import { request } from '../../../test/e2e/kit/http.ts'
import { until } from '../../../test/e2e/kit/until.ts'
import { type Wire, wire } from '../../../test/e2e/kit/wire.ts'
import { Random } from '../../../test/quorum/simulation/random.ts'
import { rest, tortureChain } from '../chain.ts'
import { Difference } from '../difference.ts'
import { mustHaveHappened } from '../happened.ts'
import { audit, tookBack } from '../kill/audit.ts'
import { newHome } from '../kill/home.ts'
import { startLoad } from '../kill/load.ts'
import { torturedNode } from '../kill/node-process.ts'
import { chainNames, TOLD } from '../names.ts'
import type { Outcome } from '../report.ts'
import { onStage } from '../stage.ts'
import { type WallClock, wallClock } from './clock.ts'
import { type Disk, mountDisk } from './disk.ts'

export interface FaultOptions {
  readonly seed: number
  /** A PostgreSQL for the clean index. */
  readonly server: string
  /** How long the providers are away each time, in milliseconds; 20,000 when absent. */
  readonly awayMs?: number
  readonly keep?: boolean
  /** Told of each fault as it begins. */
  readonly tell?: (line: string) => void
}

/** What the surroundings of a node do to it. */
export const faults = ['refusing', 'silent', 'clock', 'disk'] as const
export type Fault = (typeof faults)[number]

const FOLLOWED = { tokens: [0, TOLD], feeds: true }
const DISK_MB = 1_024
/** So long may a node take until it says what is wrong. */
const NOTICE_MS = 120_000
const HEAR_MS = 60_000
/** After the clock was set: longer than any look of the node's at its surroundings. */
const CLOCK_MS = 8_000
/** What passes within this is no finding. */
const PASSING_MS = 30_000

/**
 * A node with its own PostgreSQL and indexer under load, whose surroundings fail in every way once, in an order that
 * follows from the seed: providers that refuse, providers that say nothing, a clock that is set forth and back, a disk
 * without room. It must say that it is not ready (but for the clock, which must change nothing), get over it by itself, and
 * have lost nothing. The clock is that of the node's own process: its database and its indexer keep the true one. What this
 * machine can't do is left out: `counts` say what was done. Rejects with the findings.
 */
export function faultStorm(options: FaultOptions): Promise<Outcome> {
  const { seed, server, awayMs = 20_000, keep, tell = () => {} } = options
  const began = performance.now()
  const random = new Random(seed)
  return onStage({ name: 'fault', seed, keep }, async ({ dir, log, stops }) => {
    const chains = [await tortureChain(31_337, chainNames[0]), await tortureChain(31_338, chainNames[1])]
    stops.push(() => Promise.all(chains.map((chain) => chain.stop())))
    const wires = await Promise.all(chains.map(({ anvil }) => wire(0, Number(new URL(anvil.url).port))))
    stops.push(() => Promise.all(wires.map((each) => each.close())))
    const disk = mountDisk(join(dir, 'data'), DISK_MB)
    if (disk !== null) stops.push(() => disk.unmount())
    const clock = wallClock(join(dir, 'clock'))
    const home = await newHome(
      dir,
      chains,
      (chain) => `http://127.0.0.1:${wires[chains.indexOf(chain)]?.port}`,
    )
    home.configure(FOLLOWED)
    const node = torturedNode(home, clock?.env)
    stops.push(() => node.stop())
    const load = startLoad(chains, seed, faults.length + Math.ceil(awayMs / 5_000))
    stops.push(() => load.stop())
    node.start()
    await node.ready()
    const pool = testPool({ connectionString: home.databaseUrl(), max: 1 })
    stops.push(() => pool.end())

    const counts: Record<string, number> = {}
    const around = { wires, clock, disk, awayMs, random, pool, node, api: home.api }
    for (const fault of shuffled(faults, random)) {
      const play = plays[fault](around)
      if (play === null) {
        tell(`${fault}: not on this machine`)
        continue
      }
      tell(`${fault}: ${play.what}`)
      log.info({ fault, what: play.what }, 'Fault')
      await play.run()
      const over = performance.now()
      await node.ready()
      await hears(pool)
      counts[`s after ${fault}`] = Math.round((performance.now() - over) / 100) / 10
    }
    await tookBack(home)
    await load.stop()
    for (const chain of chains) await chain.settle()
    await node.ready()
    const audited = await audit(
      { home, chains, followed: FOLLOWED, server, name: `audit_fault_${process.pid}_${seed}` },
      { log },
    )
    const { events, candles, rows, hash, told, again, reverted } = audited
    const reorganisations = chains.reduce((sum, chain) => sum + chain.reorganisations(), 0)
    const played = Object.keys(counts).length
    mustHaveHappened({ events, candles, reorganisations, 'event taken back': reverted, fault: played })
    return {
      ...{ storm: 'fault', seed, events, rows, hash, seconds: (performance.now() - began) / 1000 },
      counts: {
        ...counts,
        starts: node.counts().starts,
        'events taken back': reverted,
        ...{ candles, deliveries: told, 'told again': again },
      },
    }
  })
}

interface Around {
  readonly wires: readonly Wire[]
  readonly clock: WallClock | null
  readonly disk: Disk | null
  readonly awayMs: number
  readonly random: Random
  readonly pool: Pool
  readonly node: ReturnType<typeof torturedNode>
  readonly api: string
}

/** What is going to be done, and the doing of it; null where this machine can't. */
const plays: Record<Fault, (around: Around) => { what: string; run(): Promise<void> } | null> = {
  refusing: (around) => away(around, 'refuse', (each) => each.cut()),
  silent: (around) => away(around, 'take requests and say nothing', (each) => each.stall()),
  clock({ clock, random, pool, node, api }) {
    if (clock === null) return null
    const ahead = [1, -1].map((sign) => sign * random.between(120, 7_200)).map(Math.round)
    return {
      what: `the clock is set to ${ahead.join(' s, then ')} s ahead, then right`,
      async run() {
        const { ends } = node.counts()
        for (const each of [...ahead, 0]) {
          clock.set(each)
          await until('the node has the clock that was set', async () => near(await clockOf(api), each), {
            withinMs: CLOCK_MS,
          })
          await rest(CLOCK_MS)
          await hears(pool)
          // A reorganisation may pass by; what lasts is a finding.
          let said: string | null = null
          const ready = async () => {
            said = await notReady(api)
            return said === null
          }
          await until('ready', ready, { withinMs: PASSING_MS }).catch(() => {
            throw new Difference('clock', `set to ${each} s ahead the node says: ${said}`)
          })
        }
        if (node.counts().ends > ends) throw new Difference('clock', 'the node ended of a clock that was set')
      },
    }
  },
  disk({ disk, node, api }) {
    if (disk === null) return null
    return {
      what: 'the disk of its folder has no room left',
      async run() {
        disk.fill()
        let said: string | null = null
        const full = setInterval(() => disk.fill(), 500)
        try {
          await until(
            'a node without room says so or ends',
            async () => {
              if ((await node.settled(0)) === 'ended') return true
              said = await notReady(api)
              return /database|indexer|events/.test(said ?? '')
            },
            { withinMs: NOTICE_MS, saw: () => said },
          )
          // As a supervisor would, once, while there is none yet.
          if ((await node.settled(3_000)) === 'ended') {
            node.start()
            await node.settled(5_000)
          }
        } finally {
          clearInterval(full)
          disk.clear()
        }
      },
    }
  },
}

function away({ wires, awayMs, api }: Around, how: string, begin: (wire: Wire) => void) {
  return {
    what: `all providers ${how} for ${awayMs / 1_000} s`,
    async run() {
      const back = rest(awayMs)
      for (const each of wires) begin(each)
      let said: string | null = null
      await until(
        'a node without providers says so',
        async () => {
          said = await notReady(api)
          return said?.includes('providers')
        },
        { withinMs: Math.max(awayMs, NOTICE_MS), saw: () => said },
      ).finally(async () => {
        await back
        for (const each of wires) each.heal()
      })
    },
  }
}

/** Seconds that the clock of the process behind an API is ahead of ours. */
async function clockOf(api: string): Promise<number> {
  const { headers } = await request(`${api}/health`)
  return (Date.parse(headers.get('date') ?? '') - Date.now()) / 1_000
}

const near = (ahead: number, wanted: number) => Math.abs(ahead - wanted) < 10

/** The checks that say no, with their details; null for a node that is ready. A node that does not answer says nothing. */
async function notReady(api: string): Promise<string | null> {
  const answer = await request(`${api}/ready`).catch(() => null)
  if (answer === null) return 'no answer'
  if (answer.status === 200) return null
  const { checks } = JSON.parse(answer.text) as { checks: { name: string; ok: boolean; detail: string }[] }
  return checks
    .filter(({ ok }) => !ok)
    .map(({ name, detail }) => `${name}: ${detail}`)
    .join('; ')
}

/** Resolves once the plugin was told of something that it had not heard of when this was called. */
async function hears(pool: Pool): Promise<void> {
  const heard = async () =>
    (await pool.query<{ n: number }>('select count(*)::int as n from iyi_bookkeeper.told')).rows[0]?.n ?? 0
  const before = await heard()
  await until('a plugin is told of something new', async () => (await heard()) > before, {
    withinMs: HEAR_MS,
  })
}

function shuffled<T>(list: readonly T[], random: Random): readonly T[] {
  return list
    .map((each) => ({ each, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ each }) => each)
}
