import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import type { AbiEvent, CustomContract } from '../../../node/ports/custom-tables.ts'
import type { Figure } from '../figure.ts'

/** The transfers of a token, as an operator would follow them. */
export function tokenContract(token: `0x${string}`, chainId: number, name: string): CustomContract {
  const events = testTokenAbi.filter((entry) => entry.type === 'event' && entry.name === 'Transfer')
  return {
    ...{ name, chainId, startBlock: 0, source: { addresses: [token] } },
    events: events as unknown as readonly AbiEvent[],
  }
}

export function figure(
  name: string,
  value: number,
  of: { unit: string; baseline: string; baselineValue: number },
): Figure {
  return { name, value, ...of, ratio: value / of.baselineValue }
}
