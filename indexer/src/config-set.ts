import type { Context } from 'ponder:registry'
import { event as events, validatorConfig } from 'ponder:schema'
import { eventRow, type Place } from './reducers/event.ts'
import { type ConfigSetArgs, validatorConfigRow } from './reducers/feed.ts'

/**
 * The configuration of an oracle set is OCR2's, whatever kind of contract it belongs to. An address that is listed under
 * two kinds hands over the same log twice.
 */
export async function indexConfigSet(
  db: Context['db'],
  place: Place,
  args: ConfigSetArgs & Parameters<typeof eventRow>[2],
): Promise<void> {
  await db
    .insert(events)
    .values(eventRow(place, 'quorum.ConfigSet', args))
    .onConflictDoNothing()
  await db.insert(validatorConfig).values(validatorConfigRow(place, args)).onConflictDoNothing()
}
