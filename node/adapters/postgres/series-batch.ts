import type { Json } from '../../ports/json.ts'
import type { Database } from './database.ts'
import { eventFill, poolFill } from './series-fill.ts'
import type { Trade } from './series-fold.ts'
import type { Lane, Series } from './series-lanes.ts'

/** What a stretch of the list of notices changes. */
export interface Batch {
  /** Gone through up to this notice. */
  readonly seq: bigint
  /** There may be more notices. */
  readonly more: boolean
  readonly added: readonly Trade[]
  readonly dropped: readonly Trade[]
  /** Pools that no series is of; and of these, those with trades older than what the lane calls final. */
  readonly unknown: readonly string[]
  readonly unknownLate: readonly string[]
  /** Series with trades older than what the lane calls final. */
  readonly late: ReadonlySet<bigint>
  /** Something of the chain was taken back, be it a trade or not. */
  readonly reorganised: boolean
  /** Time of the newest trade that was added, and of the newest final one. */
  readonly newest: number | null
  readonly newestFinal: number | null
}

/** Year 9999: what a chain's clock says beyond is no time of a trade. */
const LAST_TIME = 253_402_214_400n
const LAST_BLOCK = 2n ** 63n - 1n

/**
 * $1 chain, $2 after this notice, $3 up to it, $4 names, $5 at most so many, $6 up to here it is history: what was dropped
 * by then is as if it had never been, $7 lane.
 */
const readSql = `
  with scan as (
    select seq, event_id, name, before, after from event_notice
      where chain_id = $1 and seq > $2 and seq <= $3 order by seq limit $5
  ), hit as (
    select scan.*, event.block_number, event.log_index, event."timestamp", event.address,
           case when scan.name <> 'pool.Sync' then event.data end as data
      from scan join event on event.id = scan.event_id
      where scan.name = any($4) and (scan.before = 0) <> (scan.after = 0)
        and not (scan.seq <= $6 and (scan.after = 0 or event.level = 0 and exists (
          select from event_notice gone where gone.event_id = scan.event_id and gone.after = 0 and gone.seq <= $6)))
  )
  select edge.*, hit.* from (
    select (select final_time from series_lane where id = $7) as final_time, max(seq) as scanned_to, count(*) as scanned, coalesce(bool_or(after = 0 and seq > $6), false) as reorganised
      from scan) edge
  left join hit on true order by hit.seq`

const POOL_NAMES = ['pool.Swap', 'pool.Sync']

type Row = Readonly<Record<string, unknown>>

interface Change {
  readonly trade: Trade
  readonly isNew: boolean
  readonly isFinal: boolean
}

/** Reads what follows in a lane, for its series. Changes nothing. */
export async function readBatch(
  database: Pick<Database, 'query'>,
  options: {
    readonly chainId: number
    readonly lane: Lane
    readonly upTo: bigint
    readonly limit: number
    readonly series: readonly Series[]
  },
): Promise<Batch> {
  const { chainId, lane, upTo, limit, series } = options
  const own = series.filter((each) => each.lane === lane.id)
  const fills = own.flatMap(({ source }) => (source === null ? [] : [source.event]))
  const rows = await database.query(readSql, [
    chainId,
    lane.seq.toString(),
    upTo.toString(),
    [...new Set([...POOL_NAMES, ...fills])],
    limit,
    lane.until.toString(),
    lane.id.toString(),
  ])
  const [edge] = rows
  const hits = rows.filter(({ seq }) => seq !== null)
  const changes = hits.length === 0 ? [] : changesOf(hits, own)
  // What came and went within the batch was never there.
  const came = new Set(changes.filter(({ isNew }) => isNew).map(keyOf))
  const went = new Set(changes.filter(({ isNew }) => !isNew).map(keyOf))
  const added = changes.filter((change) => change.isNew && !went.has(keyOf(change)))
  const dropped = changes.filter((change) => !change.isNew && !came.has(keyOf(change)))
  const finalTime = edge?.final_time == null ? -1 : Number(edge.final_time)
  const isLate = ({ trade }: Change) => trade.time < finalTime
  return {
    seq: edge?.scanned_to == null ? lane.seq : BigInt(String(edge.scanned_to)),
    more: Number(edge?.scanned ?? 0) >= limit,
    added: added.map(({ trade }) => trade),
    dropped: dropped.map(({ trade }) => trade),
    unknown: unknownPools(hits, series),
    unknownLate: unknownPools(
      hits.filter((row) => BigInt(String(row.timestamp)) < BigInt(finalTime)),
      series,
    ),
    late: new Set(added.filter(isLate).map(({ trade }) => trade.series)),
    reorganised: edge?.reorganised === true,
    newest: latest(added),
    newestFinal: latest(added.filter(({ isFinal }) => isFinal)),
  }
}

function changesOf(hits: readonly Row[], series: readonly Series[]): readonly Change[] {
  // By contract for pools, by name for what operators defined: one event may be of several series.
  const byName = new Map<string, Series[]>()
  for (const each of series) {
    const name = each.source === null ? `pool.Swap ${each.address}` : each.source.event
    byName.set(name, [...(byName.get(name) ?? []), each])
  }
  return hits.flatMap((row) => {
    const name = row.name === 'pool.Swap' ? `pool.Swap ${addressOf(row)}` : String(row.name)
    return (byName.get(name) ?? []).flatMap((each) => {
      if (!isOf(row, each)) return []
      const trade = tradeOf(row, each)
      const after = Number(row.after)
      return trade === null ? [] : [{ trade, isNew: after > 0, isFinal: after === 3 }]
    })
  })
}

/** Events keep their name when the operator's contract moves to another address: those of the one before do not count. */
function isOf(row: Row, { source }: Series): boolean {
  if (source === null || !('addresses' in source.contracts)) return true
  const address = addressOf(row)
  return source.contracts.addresses.some((each) => each.toLowerCase() === address)
}

function unknownPools(hits: readonly Row[], series: readonly Series[]): readonly string[] {
  const found = new Set(hits.filter(({ name }) => POOL_NAMES.includes(String(name))).map(addressOf))
  if (found.size === 0) return []
  for (const { source, address } of series) if (source === null && address !== null) found.delete(address)
  return [...found]
}

function tradeOf(row: Row, { key, source }: Series): Trade | null {
  const data = row.data as Json
  if (data === null) return null
  const fill = source === null ? poolFill(data) : eventFill(source.fields, data)
  const time = BigInt(String(row.timestamp))
  const block = BigInt(String(row.block_number))
  if (fill === null || time > LAST_TIME || block > LAST_BLOCK) return null
  return {
    ...{ ...fill, series: key, time: Number(time), block },
    logIndex: Number(row.log_index),
    eventId: BigInt(String(row.event_id)),
  }
}

const addressOf = ({ address }: Row) => String(address).toLowerCase()
const keyOf = ({ trade: { series, eventId } }: Change) => `${series} ${eventId}`

function latest(changes: readonly Change[]): number | null {
  return changes.reduce<number | null>(
    (newest, { trade }) => (newest === null || trade.time > newest ? trade.time : newest),
    null,
  )
}
