import type { Transfer } from '../../node/features/transfer.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { ChainEvent } from '../../node/ports/events.ts'
import type { TokenConfig } from './config.ts'

/** A transfer with the place of its log. */
export interface ToldTransfer extends Transfer {
  readonly chainId: number
  readonly blockHash: Hex
  readonly transactionHash: Hex
}

const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const AMOUNT = /^(0|[1-9][0-9]{0,77})$/
const LIMIT = 1n << 256n

/** The transfer that an event tells of; null where its data are none, as those of another event of that name. */
export function readEvent(event: ChainEvent, names: Omit<TokenConfig, 'contract'>): ToldTransfer | null {
  const { data } = event
  if (typeof data !== 'object' || data === null) return null
  const [from, to, value] = [names.from, names.to, names.value].map((name) => Reflect.get(data, name))
  if (typeof from !== 'string' || !ADDRESS.test(from) || typeof to !== 'string' || !ADDRESS.test(to))
    return null
  if (typeof value !== 'string' || !AMOUNT.test(value) || BigInt(value) >= LIMIT) return null
  return {
    chainId: event.chainId,
    block: event.blockNumber,
    blockHash: lower(event.blockHash),
    timestamp: Number(event.timestamp),
    logIndex: event.logIndex,
    transactionHash: lower(event.transactionHash),
    token: lower(event.address),
    from: lower(from),
    to: lower(to),
    value: BigInt(value),
  }
}

/** Addresses are compared: whether one is written with a checksum must not matter. */
export const lower = (hex: string): Hex => hex.toLowerCase() as Hex
