import type { Logger } from '../../ports/log.ts'
import type { FillSource } from '../../ports/series-source.ts'
import type { Database } from './database.ts'
import type { ReachedTimes } from './event-follower.ts'
import { type Batch, readBatch } from './series-batch.ts'
import { addPools, type ChainSeries, configureSeries, type Lane, readChainSeries } from './series-lanes.ts'
import type { Partitions } from './series-partitions.ts'
import { type Written, writeBatch } from './series-write.ts'

/** Larger than any number of a notice. */
const END = 2n ** 63n - 1n

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
  readonly #sources: readonly FillSource[]
  readonly #modules: SeriesChainModules
  #state: ChainSeries | null = null
  #saved = ''
  /** What the event log said when all of it had been gone through. */
  #done = ''

  constructor(
    options: { readonly chainId: number; readonly batch: number; readonly sources: readonly FillSource[] },
    modules: SeriesChainModules,
  ) {
    this.#chainId = options.chainId
    this.#batch = options.batch
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
    const said = reached === null ? '' : `${reached.revision} ${reached.copied} ${reached.final}`
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
    const batch = await this.#step(main, END, null)
    if (batch === null) return true
    // What the log said of itself before holds for what was read after, unless a branch was taken back in between.
    const isTold = !batch.more && !batch.reorganised && reached?.revision === times()?.revision
    if (isTold && reached !== null) await this.#saveTimes(main, reached)
    let more = batch.more
    for (const lane of others) {
      const current = this.#state?.lanes.find(({ id }) => id === main.id)
      if (current === undefined || !this.#state?.lanes.some(({ id }) => id === lane.id)) return true
      more = (await this.#catchUp(lane, current)) || more
    }
    this.#done = isTold && !more ? said : ''
    return more
  }

  /** A lane of series that are made from the beginning: to where the main one is, and there it joins that. */
  async #catchUp(lane: Lane, main: Lane): Promise<boolean> {
    const batch = await this.#step(lane, main.seq, main)
    return batch === null || batch.more
  }

  /** Null when the state was read anew meanwhile. */
  async #step(lane: Lane, upTo: bigint, main: Lane | null): Promise<Batch | null> {
    const { database, partitions, log } = this.#modules
    let batch = await this.#read(lane, upTo)
    if (lane.main && batch.unknown.length > 0) {
      const pools = await addPools(database, {
        ...{ chainId: this.#chainId, lane: lane.id, addresses: batch.unknown },
      })
      this.#state = { lanes: this.#known().lanes, series: [...this.#known().series, ...pools] }
      batch = await this.#read(lane, upTo)
    }
    const join = batch.more ? null : main
    // All up to there was gone through, whether or not the last notice is one of this chain.
    if (join !== null) batch = { ...batch, seq: join.seq }
    if (batch.seq === lane.seq && join === null) return batch
    const written = await writeBatch(database, { chainId: this.#chainId, lane, batch, join }, { partitions })
    if (written !== null) this.#modules.onWritten(written)
    if (written?.anew.length)
      log.warn(
        { chainId: this.#chainId, series: written.anew.map(String) },
        'Make series anew from the event log: a reorganisation went deeper than their trades are kept',
      )
    if (written === null || written.anew.length > 0 || join !== null) {
      this.#state = null
      return null
    }
    const lanes = this.#known().lanes.map((each) =>
      each.id === lane.id ? { ...each, seq: batch.seq } : each,
    )
    this.#state = { ...this.#known(), lanes }
    return batch
  }

  #read(lane: Lane, upTo: bigint): Promise<Batch> {
    const { series } = this.#known()
    return readBatch(this.#modules.database, {
      ...{ chainId: this.#chainId, lane, upTo, limit: this.#batch, series },
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
