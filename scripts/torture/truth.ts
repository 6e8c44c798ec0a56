import { type AbiEvent, decodeEventLog, type Log, toEventSelector } from 'viem'
import { testTokenAbi } from '../../contracts/abi/TestToken.ts'
import { handledEvents } from '../../indexer/handled-events.ts'
import type { TortureChain } from './chain.ts'

/** A log as the chain itself has it, decoded: what the node must say of it. */
export interface TrueLog {
  readonly chainId: number
  readonly blockNumber: bigint
  readonly blockHash: string
  readonly logIndex: number
  readonly name: string
  /** Canonical JSON of the arguments. */
  readonly data: string
}

const bySelector = new Map<string, { name: string; abi: AbiEvent }>(
  handledEvents
    .filter(({ kind }) => kind === 'pool' || kind === 'feed')
    .map(({ name, abi }) => [toEventSelector(abi), { name, abi }]),
)

/** Every event that the node tells its plugins of, by `eth_getLogs`, in the chain's order: of the pool, and of the feed. */
export async function trueEvents(
  { anvil, market, feed }: TortureChain,
  { feeds } = { feeds: true },
): Promise<readonly TrueLog[]> {
  const address = feeds ? [market.pool, feed.address] : [market.pool]
  const logs = await anvil.client.getLogs({ address, fromBlock: 0n })
  return logs.flatMap((log) => {
    const known = bySelector.get(log.topics[0] ?? '')
    if (known === undefined) return []
    const { args } = decodeEventLog({ abi: [known.abi], data: log.data, topics: log.topics })
    return [{ ...placeOf(anvil.chainId, log), name: known.name, data: canonical(args) }]
  })
}

/** The transfers of one of the operator's tokens: `block_number`, `log_index`, `from`, `to`, `value`. */
export async function trueTransfers({ anvil, custom }: TortureChain, at: number): Promise<readonly string[]> {
  const source = custom[at]?.source
  if (source === undefined || !('addresses' in source)) throw new TypeError('no such token')
  const logs = await anvil.client.getContractEvents({
    ...{
      address: [...source.addresses],
      abi: testTokenAbi,
      eventName: 'Transfer',
      fromBlock: 0n,
      strict: true,
    },
  })
  return logs.map(({ blockNumber, logIndex, args: { from, to, value } }) =>
    [blockNumber, logIndex, from.toLowerCase(), to.toLowerCase(), value].join(' '),
  )
}

export function textOf({ chainId, blockNumber, blockHash, logIndex, name, data }: TrueLog): string {
  return `${chainId} ${blockNumber} ${blockHash} ${logIndex} ${name} ${data}`
}

function placeOf(chainId: number, { blockNumber, blockHash, logIndex }: Log<bigint, number, false>) {
  return { chainId, blockNumber, blockHash: blockHash.toLowerCase(), logIndex }
}

/** JSON with sorted keys; integers as decimal strings and hex in lower case, as the index has them. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint' || typeof inner === 'number') return inner.toString()
    if (typeof inner === 'string' && /^0x[0-9a-fA-F]*$/.test(inner)) return inner.toLowerCase()
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
    return inner
  })
}
