import type { Hex } from '../../ports/chain.ts'
import type { WitnessedHeader, WitnessedReceipt } from '../../ports/witness.ts'
import { addressOf, hashOf, hexOf, list, numberOf, object, quantityOf } from './decode.ts'

/** Headers and receipts with all that a proof of them needs. Each decoder throws on what it can't take. */

/** More transactions than a block of any chain holds, fewer than would fill the memory. */
const MOST_TRANSACTIONS = 20_000

/** Null where the chain answers null. */
export function rawHeaderOf(value: unknown): WitnessedHeader | null {
  if (value === null) return null
  const header = object(value)
  return {
    number: quantityOf(header.number),
    hash: hashOf(header.hash),
    parentHash: hashOf(header.parentHash),
    timestamp: numberOf(header.timestamp),
    receiptsRoot: hashOf(header.receiptsRoot),
    logsBloom: sized(header.logsBloom, 256),
    fields: hexFields(header),
  }
}

export function rawReceiptsOf(value: unknown): readonly WitnessedReceipt[] {
  const receipts = list(value).map(rawReceiptOf)
  if (receipts.length > MOST_TRANSACTIONS) throw new TypeError('Too many receipts')
  return receipts.toSorted((a, b) => a.transactionIndex - b.transactionIndex)
}

export function rawReceiptOf(value: unknown): WitnessedReceipt {
  const receipt = object(value)
  return {
    transactionHash: hashOf(receipt.transactionHash),
    transactionIndex: numberOf(receipt.transactionIndex),
    fields: hexFields(receipt),
    logs: list(receipt.logs)
      .map(object)
      .map((log) => ({
        address: addressOf(log.address),
        topics: list(log.topics).map(hashOf),
        data: hexOf(log.data),
      })),
  }
}

export function transactionHashesOf(value: unknown): readonly Hex[] {
  const hashes = list(object(value).transactions).map(hashOf)
  if (hashes.length > MOST_TRANSACTIONS) throw new TypeError('Too many transactions')
  return hashes
}

function sized(value: unknown, bytes: number): Hex {
  const hex = hexOf(value)
  if (hex.length !== 2 + 2 * bytes) throw new TypeError(`Not ${bytes} bytes`)
  return hex.toLowerCase() as Hex
}

/** Quantities and data alike, in lower case; a quantity may have an odd number of digits. */
function hexFields(value: Readonly<Record<string, unknown>>): Readonly<Record<string, Hex>> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      typeof field === 'string' && /^0x[0-9a-fA-F]*$/.test(field) ? [[name, field.toLowerCase() as Hex]] : [],
    ),
  )
}
