import { type AbiEvent, decodeEventLog, getAbiItem, type Log, toEventSelector } from 'viem'
import { testTokenAbi } from '../../contracts/abi/TestToken.ts'
import { handledEvents } from '../../indexer/handled-events.ts'
import type { NaiveEvent } from '../../test/adapters/postgres/series-naive.ts'
import type { TortureChain } from './chain.ts'
import { TOLD } from './names.ts'

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

/** What of a chain is followed: its pool always. */
export interface FollowedHere {
  readonly feeds: boolean
  /** All of the operator's tokens when absent. */
  readonly tokens?: readonly number[]
}

/**
 * Every event that the node tells its plugins of, by `eth_getLogs`, in the chain's order: of the pool, of the feed, and of
 * the token whose events go into the event log.
 */
export async function trueEvents(
  chain: TortureChain,
  followed: FollowedHere = { feeds: true },
): Promise<readonly TrueLog[]> {
  const logs = await toldLogs(chain, followed)
  return logs.map(({ log, name, args }) => ({
    ...placeOf(chain.anvil.chainId, log),
    ...{ name, data: canonical(args) },
  }))
}

/** The same, as candles are made of them: with the time of their block. */
export async function trueTrades(
  chain: TortureChain,
  followed: FollowedHere = { feeds: true },
): Promise<readonly NaiveEvent[]> {
  const { chainId, client } = chain.anvil
  const logs = await toldLogs(chain, followed)
  const times = new Map<bigint, number>()
  for (const blockNumber of new Set(logs.map(({ log }) => log.blockNumber)))
    times.set(blockNumber, Number((await client.getBlock({ blockNumber })).timestamp))
  return logs.map(({ log: { blockNumber, logIndex, address }, name, args }) => ({
    ...{ chainId, blockNumber, logIndex, name, address: address.toLowerCase() },
    timestamp: times.get(blockNumber) ?? Number.NaN,
    data: JSON.parse(canonical(args)) as NaiveEvent['data'],
  }))
}

async function toldLogs({ anvil, market, feed, custom }: TortureChain, { feeds, tokens }: FollowedHere) {
  const told = custom[TOLD]
  if (told === undefined || !('addresses' in told.source)) throw new TypeError('no such token')
  const transfers = tokens?.includes(TOLD) === false ? [] : told.source.addresses
  const logs = await anvil.client.getLogs({
    address: [market.pool, ...(feeds ? [feed.address] : []), ...transfers],
    fromBlock: 0n,
  })
  return logs.flatMap((log) => {
    const isTransfer = transfers.some((each) => each === log.address.toLowerCase())
    const known = isTransfer ? toldTransfer(told.name) : bySelector.get(log.topics[0] ?? '')
    if (known === undefined) return []
    const { args } = decodeEventLog({ abi: [known.abi], data: log.data, topics: log.topics })
    return [{ log, name: known.name, args }]
  })
}

function toldTransfer(contract: string) {
  return { name: `custom.${contract}.Transfer`, abi: transferAbi }
}

const transferAbi = getAbiItem({ abi: testTokenAbi, name: 'Transfer' })

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
