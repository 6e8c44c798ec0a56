import { ponder } from 'ponder:registry'
import * as schema from 'ponder:schema'
import { customTables } from '../../node/ports/custom-tables.ts'
import { readIndexerConfig } from '../config.ts'
import { sourceName } from '../custom/sources.ts'
import { placeOf } from './place.ts'
import { customRow } from './reducers/custom.ts'

// What the events of operators' contracts are is known at runtime alone, so Ponder's types end here.
type AnyHandler = (name: string, handler: (given: { event: never; context: never }) => Promise<void>) => void
const on = ponder.on.bind(ponder) as unknown as AnyHandler
const tables = schema as unknown as Readonly<Record<string, never>>

for (const contract of readIndexerConfig(process.env.IYI_INDEXER_CONFIG).custom) {
  for (const table of customTables(contract)) {
    on(`${sourceName(contract.name)}:${table.event}`, async ({ event, context }) => {
      const { db, chain } = context as {
        db: { insert(into: never): { values(row: object): Promise<void> } }
        chain: never
      }
      const { args } = event as { args: never }
      await db.insert(tables[table.table] as never).values(customRow(placeOf(event, chain), table, args))
    })
  }
}
