import { poolFactoryAbi } from '../../../contracts/abi/PoolFactory.ts'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import type { AbiEvent, CustomContract } from '../../../node/ports/custom-tables.ts'
import type { Figure } from '../figure.ts'
import type { History } from './history.ts'

/** The transfers of a token or of a factory's contracts, as an operator would follow them. */
export function contractOf(source: History['source'], chainId: number, name: string): CustomContract {
  const [event] = eventsOf(poolFactoryAbi, 'PairCreated')
  if (event === undefined) throw new TypeError('the factory has no such event')
  return {
    ...{ name, chainId, startBlock: 0, events: eventsOf(testTokenAbi, 'Transfer') },
    source:
      'token' in source
        ? { addresses: [source.token] }
        : { factory: { address: source.factory, event, parameter: 'pool' } },
  }
}

function eventsOf(abi: readonly { type: string; name?: string }[], name: string): readonly AbiEvent[] {
  return abi.filter(
    (entry) => entry.type === 'event' && entry.name === name,
  ) as unknown as readonly AbiEvent[]
}

export function figure(
  name: string,
  value: number,
  of: { unit: string; baseline: string; baselineValue: number },
): Figure {
  return { name, value, ...of, ratio: value / of.baselineValue }
}
