import type { ChainInfo } from '../../ports/chain.ts'
import type { From, Stage } from '../../ports/events.ts'
import type { Database } from './database.ts'
import { EventLogError } from './errors.ts'
import { levelOf, stageOf } from './event-rows.ts'

/**
 * Stores the cursors of a consumer where it has none, one a chain.
 * @throws EventLogError `EVENTS_BAD_OPTIONS` when the consumer has followed another stage
 */
export async function openCursors(
  database: Database,
  chains: readonly ChainInfo[],
  { consumer, from, stage }: { consumer: string; from: From; stage: Stage },
): Promise<void> {
  await database.batch(
    chains.map(({ id }) => ({
      sql: `insert into event_consumer (consumer, chain_id, stage, seq, from_block)
            select $1, $2::bigint, $3,
                   case when $4 then coalesce((select max(seq) from event_notice where chain_id = $2), 0) else 0 end, $5
            on conflict (consumer, chain_id) do nothing`,
      params: [
        consumer,
        id,
        levelOf(stage),
        from === 'now',
        typeof from === 'object' ? `${from[id] ?? 0n}` : '0',
      ],
    })),
  )
  const rows = await database.query('select distinct stage from event_consumer where consumer = $1', [
    consumer,
  ])
  const other = rows.map((row) => stageOf(Number(row.stage))).find((known) => known !== stage)
  if (other === undefined) return
  throw new EventLogError(
    'EVENTS_BAD_OPTIONS',
    `The consumer "${consumer}" follows events at "${other}". Keep that stage, or use another consumer id.`,
    { data: { consumer, stage: other } },
  )
}
