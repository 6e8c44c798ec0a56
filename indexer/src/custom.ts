import { ponder } from 'ponder:registry'
import * as schema from 'ponder:schema'
import type { Hex } from '../../node/ports/chain.ts'
import { customTables } from '../../node/ports/custom-tables.ts'
import { readIndexerConfig } from '../config.ts'
import { sourceName } from '../custom/sources.ts'
import { placeOf } from './place.ts'
import { customEvent, customRow } from './reducers/custom.ts'
import { isToldByKind, mayBeToldTwice } from './told.ts'

// What the events of operators' contracts are is known at runtime alone, so Ponder's types end here.
type AnyHandler = (name: string, handler: (given: { event: never; context: never }) => Promise<void>) => void
type Inserting = Promise<void> & { onConflictDoNothing(): Promise<unknown> }
const on = ponder.on.bind(ponder) as unknown as AnyHandler
const tables = schema as unknown as Readonly<Record<string, never>>

for (const contract of readIndexerConfig(process.env.IYI_INDEXER_CONFIG).custom) {
  for (const table of customTables(contract)) {
    on(`${sourceName(contract.name)}:${table.event}`, async ({ event, context }) => {
      const { db, chain } = context as {
        db: { insert(into: never): { values(row: object): Inserting } }
        chain: never
      }
      const { args, log } = event as { args: never; log: { topics: readonly Hex[] } }
      const place = placeOf(event, chain)
      await db.insert(tables[table.table] as never).values(customRow(place, table, args))
      if (contract.eventLog !== true || isToldByKind(place, log.topics[0])) return
      const told = db.insert(tables.event as never).values(customEvent(place, table, args))
      await (mayBeToldTwice ? told.onConflictDoNothing() : told)
    })
  }
}
