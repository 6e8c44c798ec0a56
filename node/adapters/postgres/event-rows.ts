import type { Hex } from '../../ports/chain.ts'
import { type ChainEvent, type Stage, stages } from '../../ports/events.ts'
import type { Row } from '../../ports/index-tables.ts'
import type { Json } from '../../ports/json.ts'

/** How the database counts stages: 0 not in the chain, 1 seen, 2 confirmed, 3 final. */
export function levelOf(stage: Stage): number {
  return stages.indexOf(stage) + 1
}

export function stageOf(level: number): Stage {
  return stages[level - 1] ?? 'final'
}

/** Longest part of a notice list that one read looks at; what a consumer does not want costs no more than this. */
const scanLimit = 5_000

/** $1 chain, $2 after this number, $3 names, $4 level, $5 first block, $6 limit. */
export const readChainSql = `
  with scan as (
    select * from event_notice where chain_id = $1 and seq > $2 order by seq limit ${scanLimit}
  ), hit as (
    select scan.seq, scan.after, event.*
      from scan join event on event.id = scan.event_id
      where scan.name = any($3) and (scan.before < $4) <> (scan.after < $4) and event.block_number >= $5
      order by scan.seq limit $6
  )
  select edge.scanned_to, hit.* from (select max(seq) as scanned_to from scan) edge left join hit on true
  order by hit.seq`

/** Whether a consumer ($2) has yet to be told of something: $1 chain, $3 names, $4 level. */
export const pendingSql = `
  select exists (
    select from event_notice notice join event on event.id = notice.event_id
      where notice.chain_id = $1 and notice.seq > consumer.seq and notice.name = any($3)
        and (notice.before < $4) <> (notice.after < $4) and event.block_number >= consumer.from_block
  ) as pending
  from event_consumer consumer where consumer.consumer = $2 and consumer.chain_id = $1`

/** $1 after this number, $2 names or null, $3 level, $4 limit. */
export const readAllSql = `
  select notice.seq, notice.after, event.*
    from event_notice notice join event on event.id = notice.event_id
    where notice.seq > $1 and ($2::text[] is null or notice.name = any($2))
      and (notice.before < $3) <> (notice.after < $3)
    order by notice.seq limit $4`

/** A notice as a follower of `level` hears it: it went over that level, upwards or downwards. */
export function eventOf(row: Readonly<Record<string, unknown>>, level: number): ChainEvent {
  const stage = Number(row.after) < level ? ('reverted' as const) : stageOf(level)
  const life = Number(row.life)
  const chainId = Number(row.chain_id)
  const logIndex = Number(row.log_index)
  const key = `${chainId}-${String(row.block_hash)}-${logIndex}-${stage}${life > 1 ? `-${life}` : ''}`
  return {
    seq: BigInt(String(row.seq)),
    stage,
    key,
    name: String(row.name),
    chainId,
    blockNumber: BigInt(String(row.block_number)),
    blockHash: String(row.block_hash) as Hex,
    logIndex,
    transactionHash: String(row.transaction_hash) as Hex,
    timestamp: BigInt(String(row.timestamp)),
    address: String(row.address) as Hex,
    data: row.data as Json,
  }
}

/**
 * Adds logs with one notice each, straight to the level of their height ($10 confirmed, $11 final). A log that is there
 * keeps its row; one that came back after a reorganisation gets another.
 */
export const insertEventsSql = `
  with added as (
    insert into event
      (id, chain_id, block_number, block_hash, log_index, transaction_hash, "timestamp", address, name, data, level,
       life)
    select (select coalesce(max(id), 0) from event) + row_number() over (order by block_number, log_index),
           chain_id, block_number, block_hash, log_index, transaction_hash, "timestamp", address, name, data::json,
           case when block_number <= $11::numeric then 3 when block_number <= $10::numeric then 2 else 1 end,
           1 + (select count(*) from event known
                  where known.chain_id = row.chain_id and known.block_hash = row.block_hash
                    and known.log_index = row.log_index and known.level = 0)
    from unnest($1::bigint[], $2::numeric[], $3::text[], $4::integer[], $5::text[], $6::numeric[], $7::text[],
                $8::text[], $9::text[])
      as row (chain_id, block_number, block_hash, log_index, transaction_hash, "timestamp", address, name, data)
    order by block_number, log_index
    on conflict (chain_id, block_hash, log_index, life) do nothing
    returning id, chain_id, name, block_number, log_index, level
  )
  insert into event_notice (seq, event_id, chain_id, name, before, after)
  select (select coalesce(max(seq), 0) from event_notice) + row_number() over (order by block_number, log_index),
         id, chain_id, name, 0, level
  from added`

/** Parameters of `insertEventsSql`. */
export function insertEventsParams(
  rows: readonly Row<'event'>[],
  { confirmed, final }: { readonly confirmed: bigint; readonly final: bigint },
): unknown[] {
  return [
    rows.map((row) => row.chainId),
    rows.map((row) => row.blockNumber.toString()),
    rows.map((row) => row.blockHash),
    rows.map((row) => row.logIndex),
    rows.map((row) => row.transactionHash),
    rows.map((row) => row.timestamp.toString()),
    rows.map((row) => row.address),
    rows.map((row) => row.name),
    rows.map((row) => JSON.stringify(row.data)),
    confirmed.toString(),
    final.toString(),
  ]
}

/** What rises on chain $1 when the final block goes from $2 to $3, and the confirmed one from $4 to $5. */
const risingSql = `
  select id, chain_id, name, block_number, block_hash, log_index, level as before,
         case when block_number <= $3::numeric then 3 else 2 end as after
    from event
    where chain_id = $1
      and (block_number > $2::numeric and block_number <= $3::numeric and level between 1 and 2
           or block_number > greatest($3::numeric, $4::numeric) and block_number <= $5::numeric and level = 1)`

/** The blocks of `risingSql`. */
export const risingBlocksSql = `select distinct block_number, block_hash from (${risingSql}) rising`

/** Raises the events of `risingSql`, with a notice each in the order of the chain. */
export const promoteEventsSql = `
  with rising as (${risingSql}), risen as (
    update event set level = rising.after from rising where event.id = rising.id
  )
  insert into event_notice (seq, event_id, chain_id, name, before, after)
  select (select coalesce(max(seq), 0) from event_notice) + row_number() over (order by block_number, log_index),
         id, chain_id, name, before, after
  from rising`

/** Takes back events $1: newest first. */
export const revertEventsSql = `
  with going as (
    select id, chain_id, name, block_number, log_index, level as before
      from event where id = any($1::bigint[]) and level > 0
  ), gone as (
    update event set level = 0 from going where event.id = going.id
  )
  insert into event_notice (seq, event_id, chain_id, name, before, after)
  select (select coalesce(max(seq), 0) from event_notice)
           + row_number() over (order by block_number desc, log_index desc),
         id, chain_id, name, before, 0
  from going`
