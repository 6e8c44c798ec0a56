import { decodeEventLog, toEventSelector } from 'viem'
import { handledEvents } from '../../indexer/handled-events.ts'
import { argsToJson, type DecodedValue } from '../../indexer/src/reducers/event.ts'
import type { IndexedContract } from '../kernel/plugin.ts'
import type { Hex } from '../ports/chain.ts'
import type { ArgumentsOf, AuditedEvent } from '../trust/audit-scope.ts'

/**
 * What the index keeps of one chain, event by event. All contracts of a kind on a chain are followed from the earliest
 * block that any of them names (indexer/sources.ts).
 */
export function auditedEvents(
  chainId: number,
  contracts: readonly IndexedContract[],
): readonly AuditedEvent[] {
  const here = contracts.filter((contract) => contract.chainId === chainId)
  return here.flatMap(({ kind, address }) => {
    const from = Math.min(...here.filter((other) => other.kind === kind).map(({ startBlock }) => startBlock))
    return handledEvents
      .filter((event) => event.kind === kind)
      .map(({ name, abi }) => ({
        address: address.toLowerCase() as Hex,
        topic: toEventSelector(abi),
        name,
        from: BigInt(from),
      }))
  })
}

/** Decodes a log as the indexer does; null for one that it leaves out, because it does not fit the event. */
export const argumentsOf: ArgumentsOf = (name, { topics, data }) => {
  const [topic] = topics
  const event = handledEvents.find((each) => each.name === name && toEventSelector(each.abi) === topic)
  if (event === undefined) return null
  try {
    const { args } = decodeEventLog({ abi: [event.abi], topics: [...topics] as [Hex, ...Hex[]], data })
    return argsToJson((args ?? {}) as DecodedValue)
  } catch {
    return null
  }
}
