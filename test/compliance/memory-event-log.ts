import { eventRow } from '../adapters/postgres/chain-events.ts'
import { memoryEventLog } from '../fakes/event-log.ts'
import type { EventLogSubject } from './event-log.ts'

/** The fake, told what happens on its chains. */
export function memoryEventLogSubject(): EventLogSubject {
  const log = memoryEventLog()
  type Log = Parameters<typeof log.tell>[0]
  let blocks: { readonly events: readonly Log[]; level: number }[] = []
  let mined = 0n
  const mine = (names: readonly string[], chainId = 1) => {
    mined++
    const events = names.map((name, logIndex) => {
      const { id: _, ...event } = eventRow({ chainId, block: mined, logIndex }, name)
      return event
    })
    for (const event of events) log.tell(event, 'seen')
    if (chainId === 1) blocks.push({ events, level: 1 })
  }
  const raise = (stage: 'confirmed' | 'final', level: number) => {
    for (const block of blocks.filter((known) => known.level < level)) {
      block.level = level
      for (const event of block.events) log.tell(event, stage)
    }
  }
  return {
    log,
    emit: async (...names) => {
      for (const name of names) mine([name])
      raise('confirmed', 2)
    },
    mine: async (names, chainId) => mine(names, chainId),
    confirm: async () => raise('confirmed', 2),
    finalize: async () => raise('final', 3),
    drop: async (depth) => {
      for (const { events } of blocks.slice(-depth).toReversed())
        for (const event of events.toReversed()) log.tell(event, 'reverted')
      blocks = blocks.slice(0, -depth)
    },
    retry: async (consumer) => log.retry(consumer),
    replay: async (consumer, fromBlock) => log.replay(consumer, 1, fromBlock),
  }
}
