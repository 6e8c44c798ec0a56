import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DurableEventLog } from '../../../node/adapters/postgres/event-log.ts'
import { type Stage, stages } from '../../../node/ports/events.ts'
import type { Logger } from '../../../node/ports/log.ts'
import { until } from '../../../test/adapters/ponder/fixture.ts'
import { Random } from '../../../test/quorum/simulation/random.ts'
import { candlesAgree } from '../candles.ts'
import { CONFIRMATIONS, FINALITY, rest, type TortureChain, tortureChain } from '../chain.ts'
import { checkNotices } from '../check-notices.ts'
import { cleanIndex, dropDatabase, newDatabase } from '../clean-index.ts'
import { asTheChainSays, caughtUp, sameRows } from '../compare-index.ts'
import { Difference } from '../difference.ts'
import { mustHaveHappened } from '../happened.ts'
import { Ledger } from '../ledger.ts'
import { chainNames, names } from '../names.ts'
import { countingMetrics, keepEventLog, type Outcome } from '../report.ts'
import { onStage } from '../stage.ts'
import { trueEvents } from '../truth.ts'
import { type Parts, startParts } from './parts.ts'

export interface ReorgOptions {
  readonly seed: number
  /** A PostgreSQL whose databases are made and dropped. */
  readonly server: string
  /** Things that happen on each chain, reorganisations among them; 60 when absent. */
  readonly steps?: number
  /** Keeps the folder of a round without a difference too. */
  readonly keep?: boolean
}

/** Of the tries of the handler that fails at random. */
const FAILING = 0.15
const CATCH_UP_MS = 300_000
const CONSUMER_MS = 30_000
const MOST_MORE = 12

/**
 * One storm of reorganisations over two chains, from a seed: what happens on the chains is a function of it, when it
 * happens to the indexer is not. Rejects with a `Difference`, whose message names the folder that is kept.
 */
export function reorgStorm({ seed, server, steps = 60, keep }: ReorgOptions): Promise<Outcome> {
  const began = performance.now()
  const random = new Random(seed)
  const { metrics, count } = countingMetrics()
  const name = `torture_${process.pid}_${seed}`
  return onStage({ name: 'reorg', seed, keep }, async (stage) => {
    const { dir, log, stops } = stage
    const databaseUrl = await newDatabase(server, name)
    stops.push(() => dropDatabase(server, name))
    const chains = [await tortureChain(31_337, chainNames[0]), await tortureChain(31_338, chainNames[1])]
    stops.push(() => Promise.all(chains.map((chain) => chain.stop())))
    // Some history, so that the first build has a backfill.
    for (const chain of chains) for (let i = 0; i < 5; i++) await chain.work(random)

    const ledgers = ledgersOf(random)
    const parts = await startParts({ chains, databaseUrl, dir }, { log, metrics }, ledgers.subscribe)
    stops.push(() => parts.stop())
    stage.keepMore = () => keepEventLog(dir, { pool: parts.tables().pool, schema: 'iyi' })
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'config.json'), `${JSON.stringify(parts.config, null, 2)}\n`)
    // Sometimes the storm begins while the first build is made.
    const early = random.chance(0.3)
    await until('the index is at work', CATCH_UP_MS, async () => (early ? parts.begun() : parts.ready()))

    const weather = chains.map(() => new Random(random.integer(2 ** 31)))
    const logs = new Random(random.integer(2 ** 31))
    let storming = true
    const restarts = restartLogs(parts, logs, () => storming)
    const blow = (length: number) =>
      Promise.all(chains.map((chain, at) => storm(chain, weather[at] ?? random, length)))
    await blow(steps)
    // A storm that was over before anyone saw it took nothing back: it goes on once all is told, with what was told.
    for (let more = 0; more < MOST_MORE && count('iyi_events_reverted_total') === 0; more++) {
      await until('the index is at work', CATCH_UP_MS, async () => parts.ready())
      await caughtUp(async () => parts.tables(), chains, { withinMs: CATCH_UP_MS, what: 'the index' })
      await ledgersAgree([ledgers.seen], chains)
      await Promise.all(chains.map((chain, at) => chain.reorganise(weather[at] ?? random)))
      await blow(Math.ceil(steps / 8))
    }
    storming = false
    const logRestarts = await restarts

    const { candles, ...checked } = await check(
      { parts, chains, ledgers: ledgers.all, server, name, dir },
      { log },
    )
    const { again } = ledgers.flaky.counts()
    const outcome = {
      ...{ storm: 'reorg', seed, ...checked, seconds: (performance.now() - began) / 1000 },
      counts: {
        reorganisations: chains.reduce((sum, chain) => sum + chain.reorganisations(), 0),
        'events taken back': count('iyi_events_reverted_total'),
        deliveries: ledgers.all.reduce((sum, ledger) => sum + ledger.counts().deliveries, 0),
        candles,
        'told again': again,
        'restarts of the log': logRestarts,
        'restarts of the indexer': count('iyi_index_restarts_total'),
      },
    }
    const { reorganisations, 'events taken back': reverted, 'told again': toldAgain } = outcome.counts
    mustHaveHappened({ reorganisations, reverted, 'told again': toldAgain, events: checked.events, candles })
    return outcome
  })
}

/** A consumer at each stage, and one whose handler fails at random, before or after it did its work. */
function ledgersOf(random: Random) {
  const book = (stage: Stage) => new Ledger(stage, { exact: true })
  const exact = { seen: book('seen'), confirmed: book('confirmed'), final: book('final') }
  const flaky = new Ledger('flaky', { exact: false })
  const luck = new Random(random.integer(2 ** 31))
  const all = [...Object.values(exact), flaky]
  return {
    ...{ seen: exact.seen, flaky, all },
    async subscribe(events: DurableEventLog): Promise<void> {
      for (const stage of stages)
        await events.subscribe({ consumer: stage, names, from: 'start', stage }, async (event) =>
          exact[stage].take(event),
        )
      await events.subscribe({ consumer: 'flaky', names, from: 'start', stage: 'seen' }, async (event) => {
        if (luck.chance(FAILING)) throw new RangeError('this time it fails before it did anything')
        flaky.take(event)
        if (luck.chance(FAILING)) throw new RangeError('this time it fails when all is done')
      })
    },
  }
}

async function storm(chain: TortureChain, random: Random, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    if (random.chance(0.3)) await chain.reorganise(random)
    else await chain.work(random)
    // Shorter than the indexer's look, and longer.
    if (random.chance(0.6)) await rest(random.between(0, 250))
  }
  await chain.settle()
}

/** The event log ends and begins again a few times while the storm lasts. Resolves with how often. */
async function restartLogs(parts: Parts, random: Random, storming: () => boolean): Promise<number> {
  for (let times = 0; ; times++) {
    for (let left = random.between(1_000, 4_000); left > 0; left -= 50) {
      if (!storming()) return times
      await rest(50)
    }
    await parts.restartLog()
  }
}

async function check(
  of: {
    parts: Parts
    chains: readonly TortureChain[]
    ledgers: readonly Ledger[]
    server: string
    name: string
    dir: string
  },
  { log }: { log: Logger },
): Promise<{ events: number; candles: number; rows: number; hash: string }> {
  const { parts, chains, ledgers, server, name, dir } = of
  const clean = await cleanIndex(
    { config: parts.config, server, name: `${name}_clean`, dir },
    { log: log.child({ index: 'clean' }) },
  )
  try {
    // Only a live block sets the clean index's mark.
    for (const chain of chains) await chain.mine(1)
    for (const [what, tables] of [
      ['the index', parts.tables()],
      ['the clean index', clean],
    ] as const)
      await caughtUp(async () => tables, chains, {
        withinMs: CATCH_UP_MS,
        what: `${what} is up to its chains`,
      })
    const compared = await sameRows(parts.tables(), clean)
    let events = 0
    for (const chain of chains) events += await asTheChainSays(parts.tables(), chain)
    await ledgersAgree(ledgers, chains)
    const [halt] = parts.halts.list()
    if (halt !== undefined)
      throw new Difference('halts', `chain ${halt.chainId} stands still: ${halt.reason}`)
    await checkNotices({ pool: parts.tables().pool, schema: 'iyi' })
    const candles = await candlesAgree({ pool: parts.tables().pool, schema: 'iyi' }, chains)
    return { ...compared, events, candles }
  } finally {
    await clean.stop()
  }
}

/** Every consumer believes what the chains say, at its own stage. */
async function ledgersAgree(ledgers: readonly Ledger[], chains: readonly TortureChain[]): Promise<void> {
  const depths: Readonly<Record<string, number>> = { confirmed: CONFIRMATIONS, final: FINALITY }
  const truths = await Promise.all(
    chains.map(async (chain) => ({
      logs: await trueEvents(chain),
      tip: await chain.anvil.client.getBlockNumber(),
    })),
  )
  for (const ledger of ledgers) {
    const depth = BigInt(depths[ledger.name] ?? 0)
    const wanted = truths.flatMap(({ logs, tip }) =>
      logs.filter(({ blockNumber }) => blockNumber <= tip - depth),
    )
    let found: Difference | null = null
    await until(`consumer ${ledger.name}`, CONSUMER_MS, async () => {
      found = ledger.against(wanted)
      return found === null
    }).catch((error: unknown) => {
      throw found ?? error
    })
  }
}
