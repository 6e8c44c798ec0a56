import { Random } from '../../../test/quorum/simulation/random.ts'
import { rest, tortureChain } from '../chain.ts'
import { mustHaveHappened } from '../happened.ts'
import { chainNames, TOLD } from '../names.ts'
import type { Outcome } from '../report.ts'
import { onStage } from '../stage.ts'
import { audit, tookBack } from './audit.ts'
import { type Followed, newHome } from './home.ts'
import { startLoad } from './load.ts'
import { type Target, torturedNode } from './node-process.ts'

export interface KillOptions {
  /** Of the first round; the next have those after it. */
  readonly from: number
  /** At most about 10: the chains grow with them. */
  readonly rounds: number
  /** A PostgreSQL for the clean index. */
  readonly server: string
  /** Share of the rounds that wait until the node is ready before they kill; 0.5 when absent. */
  readonly patience?: number
  /** The others kill at most this late after the round before; 6,000 when absent. */
  readonly impatienceMs?: number
  readonly keep?: boolean
  /** Told of each round as it begins. */
  readonly tell?: (line: string) => void
}

/** How long a node may take to notice that its database is gone. */
const NOTICE_MS = 20_000

/** What a round does, from its seed alone. */
interface Round {
  readonly target: Target
  /** Whether the kill waits until the node is ready. */
  readonly ready: boolean
  readonly delayMs: number
  readonly awayMs: number
  readonly followed: Followed | null
}

/**
 * A node with its own PostgreSQL and indexer, under load of two chains with reorganisations, of which a part is killed
 * with SIGKILL in every round. Resolves when all was audited and nothing was lost, nor done twice. What is done is a
 * function of the seed; at which instruction it hits a process is not. Rejects with the findings and where they are kept.
 */
export function killStorm(options: KillOptions): Promise<Outcome> {
  const { from, rounds, server, patience = 0.5, impatienceMs = 6_000, keep, tell = () => {} } = options
  const began = performance.now()
  return onStage({ name: 'kill', seed: from, keep }, async (stage) => {
    const { dir, log, stops } = stage
    const chains = [await tortureChain(31_337, chainNames[0]), await tortureChain(31_338, chainNames[1])]
    stops.push(() => Promise.all(chains.map((chain) => chain.stop())))
    const home = await newHome(dir, chains)
    let followed: Followed = { tokens: [0], feeds: false }
    home.configure(followed)
    const node = torturedNode(home)
    stops.push(() => node.stop())
    const kills = new Map<string, number>()
    const load = startLoad(chains, from, Math.max(rounds, 5))
    stops.push(() => load.stop())
    node.start()
    for (let at = 0; at < rounds; at++) {
      const seed = from + at
      stage.seed = seed
      const round = roundOf(seed, { patience, impatienceMs, followed })
      tell(`round ${at + 1}, seed ${seed}: ${describe(round)}`)
      if (round.ready) await node.ready()
      await rest(round.delayMs)
      const random = new Random(seed)
      // A part that is not there at the moment: the whole then.
      const target = node.kill(round.target, (below) => random.integer(below)) ? round.target : 'all'
      // Nothing is there where it ended by itself.
      const hit = target === round.target || node.kill('all', () => 0)
      if (hit) kills.set(target, (kills.get(target) ?? 0) + 1)
      log.info({ seed, target, asked: round.target, hit }, 'Kill')
      const end = await node.settled(
        target === 'indexer' ? 100 : NOTICE_MS * (target === 'backend' ? 0.1 : 1),
      )
      if (end === 'ended' || round.followed !== null) {
        if (end !== 'ended') await node.stop()
        await rest(round.awayMs)
        if (round.followed !== null) {
          followed = round.followed
          home.configure(followed)
        }
        node.start()
      }
    }
    // A node that was down all the time had nothing to take back.
    await node.ready()
    await tookBack(home)
    await load.stop()
    for (const chain of chains) await chain.settle()
    await node.ready()
    const audited = await audit(
      { home, chains, followed, server, name: `audit_${process.pid}_${from}` },
      { log },
    )
    const { events, candles, rows, hash, builds, told, again, reverted } = audited
    const reorganisations = chains.reduce((sum, chain) => sum + chain.reorganisations(), 0)
    mustHaveHappened({ events, candles, reorganisations, 'event taken back': reverted, kill: kills.size })
    return {
      ...{ storm: 'kill', seed: from, events, rows, hash, seconds: (performance.now() - began) / 1000 },
      counts: {
        rounds,
        ...Object.fromEntries([...kills].map(([target, count]) => [`kills of ${target}`, count])),
        starts: node.counts().starts,
        'ends by itself': node.counts().ends,
        reorganisations,
        'events taken back': reverted,
        candles,
        'builds left': builds,
        deliveries: told,
        'told again': again,
      },
    }
  })
}

function roundOf(
  seed: number,
  before: { readonly patience: number; readonly impatienceMs: number; readonly followed: Followed },
): Round {
  const random = new Random(seed)
  const target = random.pick(['node', 'node', 'indexer', 'database', 'backend', 'backend', 'all'] as const)
  const ready = random.chance(before.patience)
  const [delayMs, awayMs] = [random.between(0, ready ? 1_500 : before.impatienceMs), random.between(0, 1_000)]
  const picked = random.pick<readonly number[]>([[0], [1], [0, 1]])
  const feeds = before.followed.feeds || random.chance(0.5)
  const changes = random.chance(0.4)
  const tokens = before.followed.tokens.includes(TOLD) || random.chance(0.5) ? [...picked, TOLD] : picked
  return { target, ready, delayMs, awayMs, followed: changes ? { tokens, feeds } : null }
}

function describe({ target, ready, delayMs, awayMs, followed }: Round): string {
  const change =
    followed === null
      ? ''
      : `, then follow tokens ${followed.tokens.join(' and ')}${followed.feeds ? ', feeds' : ''}`
  return `kill ${target} ${Math.round(delayMs)} ms after ${ready ? 'it is ready' : 'the last round'}, away ${Math.round(awayMs)} ms${change}`
}
