import type { Context } from '../../../../node/kernel/plugin.ts'
import { type ChainEvent, type Stage, type Subscription, stages } from '../../../../node/ports/events.ts'
import type { Statement } from '../../../../node/ports/store.ts'
import { names } from '../../names.ts'

type Ctx = Context<'events' | 'store', Record<never, never>, unknown>

const tables = `
  CREATE TABLE told (stage text, key text, seq numeric NOT NULL, times int NOT NULL, PRIMARY KEY (stage, key))`
const entries = `
  CREATE TABLE entry (stage text, place text, change int, chain_id bigint, block_number numeric, block_hash text,
                      log_index int, name text, data text)`

export function setup({ can }: Ctx) {
  const [events, store] = [can('events'), can('store')]
  const subscriptions: Subscription[] = []
  return {
    api: {},
    async start() {
      await store.migrate([
        { id: '1', sql: tables },
        { id: '2', sql: entries },
      ])
      for (const stage of stages)
        subscriptions.push(
          await events.subscribe({ consumer: stage, names, from: 'start', stage }, async (event) => {
            await store.query(written(stage, event))
          }),
        )
    },
    async stop() {
      await Promise.all(subscriptions.map((subscription) => subscription.close()))
    },
  }
}

/** Told again, an event is counted, and changes no entry: both or neither, in one statement. */
function written(stage: Stage, event: ChainEvent): Statement {
  const { key, seq, chainId, blockNumber, blockHash, logIndex, name, data } = event
  const sql = `
    WITH told AS (
      INSERT INTO told AS known VALUES ($1, $2, $3, 1)
      ON CONFLICT (stage, key) DO UPDATE SET times = known.times + 1
      RETURNING times
    )
    INSERT INTO entry SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11 FROM told WHERE times = 1`
  const change = event.stage === 'reverted' ? -1 : 1
  const place = `${chainId}-${blockHash}-${logIndex}`
  return {
    sql,
    params: [
      ...[stage, key, seq, place, change, chainId, blockNumber, blockHash, logIndex, name],
      JSON.stringify(data),
    ],
  }
}
