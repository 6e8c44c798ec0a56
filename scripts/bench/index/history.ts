import type { Hex } from 'viem'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { transferBurstAbi } from '../../../contracts/abi/TransferBurst.ts'
import { type Anvil, account, deploy } from '../../../test/adapters/ponder/fixture.ts'

/** Transfers of one transaction, and so of one block. */
export const BURST = 500

export interface History {
  readonly token: Hex
  readonly burst: Hex
  /** Transfers of the token in the chain. */
  readonly events: number
}

/** A token with at least `events` transfers, a burst of them in every block. */
export async function makeHistory(anvil: Anvil, events: number): Promise<History> {
  const { client } = anvil
  const token = await deploy(client, 'TestToken', testTokenAbi, ['Bench', 'B', 18])
  const burst = await deploy(client, 'TransferBurst', transferBurstAbi, [])
  for (let sent = 0; sent < events; sent += BURST) await transfers(anvil, { token, burst }, BURST, sent + 1)
  // Each burst mints first, which is a transfer as well.
  return { token, burst, events: events + Math.ceil(events / BURST) }
}

/** `count` transfers in a block of their own. Resolves with its number. */
export async function transfers(
  { client }: Anvil,
  { token, burst }: Pick<History, 'token' | 'burst'>,
  count: number,
  first = 1,
): Promise<bigint> {
  const hash = await client.writeContract({
    ...{ address: burst, abi: transferBurstAbi, functionName: 'burst' },
    args: [token, BigInt(first), BigInt(count)],
    ...{ account, chain: null, gas: 29_000_000n },
  })
  return (await client.waitForTransactionReceipt({ hash })).blockNumber
}
