import { toEventSelector } from 'viem'
import type { Hex } from '../../node/ports/chain.ts'
import { readIndexerConfig } from '../config.ts'
import { handledEvents } from '../handled-events.ts'
import { isFollowed } from './followed.ts'
import type { Place } from './reducers/event.ts'

const handled = handledEvents.map(({ kind, abi }) => ({ kind, topic: toEventSelector(abi) }))

/** Whether the log has its row in `event` from the handlers of a known kind: each log has one, under one name. */
export function isToldByKind(place: Place, topic: Hex | undefined): boolean {
  return handled.some((each) => each.topic === topic && isFollowed(each.kind, place))
}

const told = readIndexerConfig(process.env.IYI_INDEXER_CONFIG).custom.filter(({ eventLog }) => eventLog)

/** Several operators' contracts may turn out to be one, where a factory makes what another entry names: the first tells. */
export const mayBeToldTwice = told.length > 1
