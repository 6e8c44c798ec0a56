import type { Database } from '../../../node/adapters/postgres/database.ts'
import { readPosition, writePosition } from '../../../node/adapters/postgres/event-position.ts'
import type { Row } from '../../../node/ports/index-tables.ts'

/** Moves the log of chain 1 as its follower does: new events, what rose to a higher stage, what was dropped. */
export async function moveLog(
  database: Database,
  step: {
    readonly added?: readonly Row<'event'>[]
    readonly confirmed?: bigint
    readonly final?: bigint
    readonly reverted?: readonly bigint[]
  },
): Promise<void> {
  const from = await readPosition(database, 1)
  const { added = [], confirmed = from.confirmed, final = from.final, reverted = [] } = step
  const copied = added.at(-1)?.blockNumber ?? from.copied
  await writePosition(database, 1, { from, to: { ...from, copied, confirmed, final }, added, reverted })
}
