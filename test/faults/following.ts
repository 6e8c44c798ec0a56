import { systemClock } from '../../node/adapters/clock/system.ts'
import { type Database, openDatabase } from '../../node/adapters/postgres/database.ts'
import { type DurableEventLog, eventLog } from '../../node/adapters/postgres/event-log.ts'
import { chainHalts } from '../../node/trust/halts.ts'
import { chain } from '../adapters/postgres/chain-events.ts'
import { type ChainWorld, chainWorld } from '../adapters/postgres/chain-world.ts'
import { Fold } from '../adapters/postgres/event-fold.ts'
import { noMetrics, recordingLog } from '../adapters/postgres/support.ts'

/** An event log on a real database that follows one chain in memory, with a consumer that hears of all. */
export interface Following {
  readonly database: Database
  readonly world: ChainWorld
  readonly events: DurableEventLog
  readonly fold: Fold
  stop(): Promise<void>
}

export async function following(url: string, world = chainWorld([chain(1, 2)])): Promise<Following> {
  const modules = { clock: systemClock, log: recordingLog(), metrics: noMetrics }
  const database = await openDatabase({ url, schema: 'faults', applicationName: 'test' }, modules)
  const { index, chains } = world
  const events = eventLog({ pollMs: 10 }, { database, index, chains, halts: chainHalts(modules), ...modules })
  await events.start()
  const fold = new Fold()
  await events.subscribe({ consumer: 'all', names: ['a'], from: 'start', stage: 'seen' }, fold.take)
  return {
    ...{ database, world, events, fold },
    async stop() {
      await events.stop()
      await database.close()
    },
  }
}

/** Heard of each event of the chain, and of none twice. */
export function heardOnce({ fold, world }: Pick<Following, 'fold' | 'world'>): boolean {
  return (
    fold.of(1).join() === world.events(1).join() &&
    new Set(fold.heard.map(({ key }) => key)).size === fold.heard.length
  )
}
