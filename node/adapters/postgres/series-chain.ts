import type { Logger } from '../../ports/log.ts'
import type { FillSource } from '../../ports/series-source.ts'
import type { Database } from './database.ts'
import type { ReachedTimes } from './event-follower.ts'
import { type Batch, readBatch } from './series-batch.ts'
import { type Keep, moveKept } from './series-kept.ts'
import { candleKinds } from './series-kinds.ts'
import {
  addPools,
  type ChainSeries,
  configureSeries,
  holdBack,
  type Lane,
  readChainSeries,
} from './series-lanes.ts'
import type { Partitions } from './series-partitions.ts'
import { type Written, writeBatch } from './series-write.ts'

/** Larger than any number of a notice. */
const END = 2n ** 63n - 1n
/** New partitions of one transaction: each takes locks and a few milliseconds. */
const MOST_PARTITIONS = 200

export interface SeriesChainModules {
  readonly database: Database
  readonly partitions: Partitions
  /** Up to when the event log of the chain is complete. */
  readonly times: () => ReachedTimes | null
  readonly log: Logger
  readonly onWritten: (written: Written) => void
}

/** Makes the series of one chain from its notices, batch by batch. */
export class SeriesChain {
  readonly #chainId: number
  readonly #batch: number
  /** As many notices as lately needed no more new partitions than one transaction may make. */
  #limit: number
  readonly #keep: Keep
  readonly #sources: readonly FillSource[]
  readonly #modules: SeriesChainModules
  #state: ChainSeries | null = null
  #saved = ''
  /** What the event log said when all of it had been gone through. */
  #done = ''

  constructor(
    options: {
      readonly chainId: number
      readonly batch: number
      readonly sources: readonly FillSource[]
      readonly keep: Keep
    },
    modules: SeriesChainModules,
  ) {
    this.#chainId = options.chainId
    this.#batch = options.batch
    this.#limit = options.batch
    this.#keep = options.keep
    this.#sources = options.sources
    this.#modules = modules
  }

  /** A step of each lane. True when there is more to do at once. */
  async pass(): Promise<boolean> {
    try {
      return await this.#pass()
    } catch (error) {
      // Whatever is remembered may be wrong now.
      this.#state = null
      this.#done = ''
      this.#modules.partitions.forget()
      throw error
    }
  }

  async #pass(): Promise<boolean> {
    const { database, times } = this.#modules
    const reached = times()
    const said =
      reached === null ? '' : `${reached.revision} ${reached.copied} ${reached.final} ${reached.rounds}`
    // Nothing was written since.
    if (said !== '' && said === this.#done) return false
    if (this.#state === null) {
      const options = { chainId: this.#chainId, sources: this.#sources }
      await configureSeries(database, options)
      this.#state = await readChainSeries(database, options)
      this.#saved = ''
    }
    const [main, ...others] = this.#state.lanes
    if (main === undefined) throw new TypeError('the chain has no lane')
    const batch = await this.#step(main, { upTo: END, join: null, reached })
    if (batch === null) return true
    // What the log said of itself before holds for what was read after, unless a branch was taken back in between.
    const isTold = !batch.more && !batch.reorganised && reached?.revision === times()?.revision
    if (isTold && reached !== null) await this.#saveTimes(main, reached)
    // Whatever is to come late is in, and the main lane is past it.
    const mayJoin = !batch.more && this.#isWhole(reached)
    let more = batch.more
    for (const lane of others) {
      const current = this.#state?.lanes.find(({ id }) => id === main.id)
      if (current === undefined || !this.#state?.lanes.some(({ id }) => id === lane.id)) return true
      more = (await this.#catchUp(lane, { main: current, mayJoin, reached })) || more
    }
    this.#done = isTold && !more ? said : ''
    return more
  }

  /** A lane of series that are made from the beginning: to where the main one is, and there it joins that. */
  async #catchUp(
    lane: Lane,
    options: { main: Lane; mayJoin: boolean; reached: ReachedTimes | null },
  ): Promise<boolean> {
    const { main, mayJoin, reached } = options
    const batch = await this.#step(lane, { upTo: main.seq, join: mayJoin ? main : null, reached })
    return batch === null || batch.more
  }

  /** Null when the state was read anew meanwhile. */
  async #step(
    lane: Lane,
    options: { upTo: bigint; join: Lane | null; reached: ReachedTimes | null },
  ): Promise<Batch | null> {
    const { database, partitions, log } = this.#modules
    const { upTo, reached } = options
    let batch = await this.#read(lane, upTo)
    if (lane.main) {
      // While the log is looked through, what a pool did long ago may be told of after what it does now.
      const addresses = this.#isWhole(reached) ? batch.unknownLate : batch.unknown
      if (addresses.length > 0 || batch.late.size > 0) {
        await holdBack(database, { chainId: this.#chainId, main: lane, keys: batch.late, addresses })
        this.#state = null
        return null
      }
    }
    if (lane.main && batch.unknown.length > 0) {
      const pools = await addPools(database, {
        ...{ chainId: this.#chainId, lane: lane.id, addresses: batch.unknown },
      })
      this.#state = { lanes: this.#known().lanes, series: [...this.#known().series, ...pools] }
      batch = await this.#read(lane, upTo)
    }
    const join = batch.more ? null : options.join
    // All up to there was gone through, whether or not the last notice is one of this chain.
    if (join !== null) batch = { ...batch, seq: join.seq }
    if (batch.seq === lane.seq && join === null) return batch
    if (lane.main) await this.#moveKept(batch)
    const written = await writeBatch(
      database,
      {
        ...{ chainId: this.#chainId, lane, batch, join },
        mostPartitions: this.#limit === 1 ? Number.POSITIVE_INFINITY : MOST_PARTITIONS,
      },
      { partitions },
    )
    if (written === 'wide') {
      this.#limit = Math.ceil(this.#limit / 2)
      return null
    }
    this.#limit = Math.min(this.#batch, this.#limit * 2)
    if (written !== 'taken') this.#modules.onWritten(written)
    if (written !== 'taken' && written.anew.length > 0)
      log.warn(
        { chainId: this.#chainId, series: written.anew.map(String) },
        'Make series anew from the event log: a reorganisation went deeper than their trades are kept',
      )
    if (written === 'taken' || written.anew.length > 0 || join !== null) {
      this.#state = null
      return null
    }
    const lanes = this.#known().lanes.map((each) =>
      each.id === lane.id ? { ...each, seq: batch.seq } : each,
    )
    this.#state = { ...this.#known(), lanes }
    return batch
  }

  /** Before a batch is written: of what is older than it is kept nothing need be made, only to be dropped. */
  async #moveKept({ newestFinal: finalTime }: Batch): Promise<void> {
    const [finest] = candleKinds
    if (finalTime === null || finest === undefined) return
    // Not more often than something new may go.
    if (this.#modules.partitions.missing([[finest, finalTime]]).length === 0) return
    await moveKept(this.#modules.database, this.#keep, { chainId: this.#chainId, finalTime })
  }

  /** Since the log said so, nothing was looked for that comes late. */
  #isWhole(reached: ReachedTimes | null): boolean {
    return reached !== null && reached.rounds !== null && reached.rounds === this.#modules.times()?.rounds
  }

  #read(lane: Lane, upTo: bigint): Promise<Batch> {
    const { series } = this.#known()
    return readBatch(this.#modules.database, {
      ...{ chainId: this.#chainId, lane, upTo, limit: this.#limit, series },
    })
  }

  async #saveTimes(lane: Lane, { copied, final }: ReachedTimes): Promise<void> {
    const key = `${copied} ${final}`
    if (this.#saved === key) return
    await this.#modules.database.transaction(async (client) => {
      // Lost in a crash, it comes again with the next block.
      await client.query('set local synchronous_commit = off')
      await client.query(
        `update series_lane set known_until = coalesce($2, known_until), final_time = coalesce($3, final_time)
           where id = $1`,
        [lane.id.toString(), copied, final],
      )
    })
    this.#saved = key
  }

  #known(): ChainSeries {
    if (this.#state === null) throw new TypeError('the series of the chain are not read')
    return this.#state
  }
}
