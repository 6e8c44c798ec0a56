import { createMPT } from '@ethereumjs/mpt'
import { bytesToHex, concat, type Hex, hexToBytes, toRlp } from 'viem'
import type { WitnessedReceipt } from '../ports/witness.ts'
import { integer } from './header-hash.ts'

/** Root of the Merkle-Patricia trie of a block's receipts: key rlp(place), value the receipt (Yellow Paper, section 4.4.1). */
export async function receiptsRoot(receipts: readonly WitnessedReceipt[]): Promise<Hex> {
  const trie = await createMPT()
  for (const [place, receipt] of receipts.entries())
    await trie.put(hexToBytes(toRlp(integer(`0x${place.toString(16)}`))), hexToBytes(encodeReceipt(receipt)))
  return bytesToHex(trie.root())
}

/**
 * A receipt in the form of the consensus: EIP-2718, the type before the RLP unless it is 0. A deposit of the OP stack
 * (0x7e) has its nonce in there since Canyon, which is when it got a version
 * (specs.optimism.io, protocol/deposits, "Deposit Receipt").
 */
export function encodeReceipt({ fields, logs }: WitnessedReceipt): Hex {
  const type = Number(fields.type ?? '0x0')
  const outcome = fields.root ?? integer(fields.status)
  const entries = logs.map(({ address, topics, data }) => [address.toLowerCase() as Hex, [...topics], data])
  const versioned = type === 0x7e && fields.depositReceiptVersion !== undefined
  const body = toRlp([
    outcome,
    integer(fields.cumulativeGasUsed),
    fields.logsBloom ?? '0x',
    entries as never,
    ...(versioned ? [integer(fields.depositNonce), integer(fields.depositReceiptVersion)] : []),
  ])
  return type === 0 ? body : concat([`0x${type.toString(16).padStart(2, '0')}`, body])
}
