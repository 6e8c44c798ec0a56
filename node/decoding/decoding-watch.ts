import type { ChainReader } from '../ports/chain.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { CustomContract } from '../ports/custom-tables.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { RawLogs } from '../ports/raw-logs.ts'
import { MOST_CHILDREN, type UndecodedLog, type UndecodedStore } from '../ports/undecoded-log.ts'
import { ChainWatch } from './chain-watch.ts'
import { ContractState } from './contract-state.ts'
import { watchedContract } from './watched-contract.ts'

/** Between two looks at a chain that is looked through. */
const POLL_MS = 5_000
/** Between two steps through a past: the indexer asks the same providers, and comes first. */
const PAUSE_MS = 250
const RETRY_MS = 10_000
/** Failures in a row after which somebody should look. */
const FAILURES_TOLD = 6
const BLOCKS = 2_000
const STOP_MS = 1_000

export interface DecodingWatch {
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * Finds the logs of the operator's contracts that the indexer passes over in silence, because they do not fit the ABI: reads
 * the logs once more, as far as the index is, and keeps those that do not decode. Whatever goes wrong here waits and tries
 * again, and is told of when it goes on; nothing else depends on it.
 */
export function decodingWatch(
  options: {
    readonly contracts: readonly CustomContract[]
    /** In place of the usual times. */
    readonly pollMs?: number
    readonly pauseMs?: number
    readonly retryMs?: number
    /** Most blocks that are looked through at once; 2,000 when absent. */
    readonly blocks?: number
  },
  modules: {
    readonly chain: Pick<ChainReader, 'chains' | 'block' | 'finalized'>
    readonly raw: RawLogs
    readonly index: Pick<IndexReader, 'freshness'>
    readonly store: UndecodedStore
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): DecodingWatch {
  const { chain, index, store, clock } = modules
  const { pollMs = POLL_MS, pauseMs = PAUSE_MS, retryMs = RETRY_MS, blocks = BLOCKS } = options
  const log = modules.log.child({ module: 'decoding' })
  const watched = options.contracts.map(watchedContract)
  const chainIds = [...new Set(watched.map(({ chainId }) => chainId))]
  const found = modules.metrics.counter({
    name: 'iyi_index_undecoded_logs_total',
    help: 'Logs of contracts of your own that do not fit their ABI; again those that a reorganisation brought back.',
    labels: ['chain', 'contract'],
  })
  const nameOf = (chainId: number) => chain.chains().find(({ id }) => id === chainId)?.name ?? chainId
  const behind = modules.metrics.gauge({
    name: 'iyi_index_undecoded_behind_blocks',
    help: 'Indexed blocks that were not looked through yet for logs that do not fit an ABI.',
    labels: ['chain'],
  })
  const failures = new Map<number, number>()
  const told = new Set<string>()
  const timers = new Map<number, Timer>()
  const runs = new Map<number, Promise<void>>()
  let stopped = false

  function onFound({ watched: { name, chainId } }: ContractState, logs: readonly UndecodedLog[]): void {
    found.inc({ chain: nameOf(chainId), contract: name }, logs.length)
    const [first] = logs
    if (told.has(name) || first === undefined) return
    told.add(name)
    const { event, address, transactionHash, error } = first
    log.warn(
      {
        contract: name,
        chain: chainId,
        event,
        address,
        block: String(first.blockNumber),
        transactionHash,
        error,
      },
      'Correct the ABI of a contract: logs do not fit it, and its tables lack them. See GET /v1/index-errors',
    )
  }

  function onFull({ watched: { name, chainId } }: ContractState): void {
    log.warn(
      { contract: name, chain: nameOf(chainId), most: MOST_CHILDREN },
      'Look at no more contracts of this factory: whether logs of later ones fit the ABI is not known',
    )
  }

  async function load(): Promise<ReadonlyMap<number, ChainWatch>> {
    const stored = await store.open(
      watched.map(({ name, chainId, scope }) => ({ contract: name, chainId, scope })),
    )
    return new Map(
      chainIds.map((chainId) => {
        const states = watched
          .filter((each) => each.chainId === chainId)
          .flatMap((each) =>
            stored
              .filter(({ contract }) => contract === each.name)
              .map((row) => new ContractState(each, row)),
          )
        for (const {
          watched: { name },
          place,
        } of states)
          if (place !== null) found.inc({ chain: nameOf(chainId), contract: name }, Number(place.total))
        return [chainId, new ChainWatch({ chainId, states, blocks }, { ...modules, onFound, onFull })]
      }),
    )
  }

  async function look(chainId: number, watch: ChainWatch): Promise<number> {
    const fresh = (await index.freshness()).find((each) => each.chainId === chainId)
    if (fresh?.indexed === null || fresh === undefined) return pollMs
    const { number: indexed } = fresh.indexed
    const tellBehind = () => behind.set(Number(watch.behind(indexed)), { chain: nameOf(chainId) })
    tellBehind()
    const { number: finalized } = await chain.finalized(chainId)
    const head = fresh.head?.hash ?? null
    const outcome = await watch.step({ indexed, finalized, head })
    tellBehind()
    return outcome === 'done' ? pollMs : pauseMs
  }

  function onRead(chainId: number): void {
    if ((failures.get(chainId) ?? 0) >= FAILURES_TOLD)
      log.info({ chain: nameOf(chainId) }, 'Look through the logs of contracts again')
    failures.delete(chainId)
  }

  function onFailure(chainId: number, err: unknown): void {
    const count = (failures.get(chainId) ?? 0) + 1
    failures.set(chainId, count)
    const chain = nameOf(chainId)
    if (count === FAILURES_TOLD)
      log.warn(
        { chain, failures: count, err },
        'Fail to look through the logs of contracts, keep trying: whether later ones fit their ABI is not known. See `checked` of GET /v1/index-errors',
      )
    else log.debug({ chain, err }, 'Look through the logs again later')
  }

  async function run(chainId: number, watch: ChainWatch): Promise<void> {
    let delayMs = retryMs
    try {
      delayMs = await look(chainId, watch)
      onRead(chainId)
    } catch (error) {
      onFailure(chainId, error)
    }
    if (!stopped) schedule(chainId, watch, delayMs)
  }

  function schedule(chainId: number, watch: ChainWatch, delayMs: number): void {
    timers.set(
      chainId,
      clock.setTimer(delayMs, () => void runs.set(chainId, run(chainId, watch))),
    )
  }

  return {
    async start() {
      const watches = await load()
      for (const [chainId, watch] of watches) schedule(chainId, watch, 0)
    },
    async stop() {
      stopped = true
      for (const timer of timers.values()) timer.cancel()
      // A provider that does not answer holds up nobody: a step that is broken off is not stored, and is made again.
      const late = Promise.withResolvers<void>()
      const timer = clock.setTimer(STOP_MS, late.resolve)
      await Promise.race([Promise.all(runs.values()), late.promise])
      timer.cancel()
    },
  }
}
