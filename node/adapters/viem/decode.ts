import { getAddress } from 'viem'
import type { Address, BlockRef, ChainLog, ChainTransaction, Hex, TxReceipt } from '../../ports/chain.ts'

/**
 * JSON-RPC results as port values. A provider's answer is input from outside: each decoder checks what it takes and
 * throws on anything else, and the pool turns to the next provider.
 */

type Json = Readonly<Record<string, unknown>>

export function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('Not an object')
  return value as Json
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('Not a list')
  return value
}

/** Even-length hex data, `0x` included. */
export function hexOf(value: unknown): Hex {
  if (typeof value !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(value)) throw new TypeError('Not hex data')
  return value as Hex
}

/** A JSON-RPC quantity. */
export function quantityOf(value: unknown): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) throw new TypeError('Not a quantity')
  return BigInt(value)
}

export function numberOf(value: unknown): number {
  const number = Number(quantityOf(value))
  if (!Number.isSafeInteger(number)) throw new TypeError('Not a safe integer')
  return number
}

export function hashOf(value: unknown): Hex {
  const hex = hexOf(value)
  if (hex.length !== 66) throw new TypeError('Not a hash')
  // Providers' answers are compared with each other.
  return hex.toLowerCase() as Hex
}

export function addressOf(value: unknown): Address {
  return getAddress(hexOf(value))
}

/** Null where the chain answers null. */
export function orNull<T>(decode: (value: unknown) => T): (value: unknown) => T | null {
  return (value) => (value === null ? null : decode(value))
}

export function blockOf(value: unknown): BlockRef {
  const block = object(value)
  return {
    number: quantityOf(block.number),
    hash: hashOf(block.hash),
    parentHash: hashOf(block.parentHash),
    timestamp: numberOf(block.timestamp),
  }
}

/** Logs that are in the chain: those that a reorganisation removed are left out. */
export function logsOf(value: unknown): readonly ChainLog[] {
  return list(value)
    .map(object)
    .filter((log) => log.removed !== true)
    .map((log) => {
      return {
        address: addressOf(log.address),
        topics: list(log.topics).map(hashOf),
        data: hexOf(log.data),
        blockNumber: quantityOf(log.blockNumber),
        blockHash: hashOf(log.blockHash),
        transactionHash: hashOf(log.transactionHash),
        logIndex: numberOf(log.logIndex),
      }
    })
}

export function transactionOf(value: unknown): ChainTransaction {
  const tx = object(value)
  return {
    hash: hashOf(tx.hash),
    from: addressOf(tx.from),
    to: tx.to === null || tx.to === undefined ? null : addressOf(tx.to),
    input: hexOf(tx.input),
    blockNumber: tx.blockNumber === null || tx.blockNumber === undefined ? null : quantityOf(tx.blockNumber),
  }
}

/** Null too for a receipt without a block: some clients show one for a pending transaction. */
export function receiptOf(value: unknown): TxReceipt | null {
  if (value === null) return null
  const receipt = object(value)
  if (receipt.blockNumber === null) return null
  return {
    hash: hashOf(receipt.transactionHash),
    status: quantityOf(receipt.status) === 1n ? 'success' : 'reverted',
    blockNumber: quantityOf(receipt.blockNumber),
    gasUsed: quantityOf(receipt.gasUsed),
    effectiveGasPrice: quantityOf(receipt.effectiveGasPrice),
  }
}
