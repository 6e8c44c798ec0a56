import type { Address, Hex } from '../../node/ports/chain.ts'
import type { SqlRow } from '../../node/ports/store.ts'
import type { FeaturedTransfer } from './api.ts'

/** Columns of a transfer `t` of a token `k`, as `transferOf` reads them. */
export const TRANSFER_COLUMNS = `
  k.chain_id, encode(k.address, 'hex') as token, t.block, t.log, t.timestamp, encode(t.block_hash, 'hex') as block_hash,
  encode(t.transaction, 'hex') as transaction, encode(t.sender, 'hex') as sender, encode(t.receiver, 'hex') as receiver,
  t.value::text as value, encode(t.features, 'hex') as features, t.features_version,
  t.score, t.model, encode(t.digest, 'hex') as digest`

/** A row of `TRANSFER_COLUMNS` whose features are there. */
export function transferOf(row: SqlRow): FeaturedTransfer {
  return {
    chainId: Number(row.chain_id),
    token: hexOf(row.token),
    blockNumber: BigInt(String(row.block)),
    blockHash: hexOf(row.block_hash),
    logIndex: Number(row.log),
    transactionHash: hexOf(row.transaction),
    timestamp: Number(row.timestamp),
    from: hexOf(row.sender),
    to: hexOf(row.receiver),
    value: BigInt(String(row.value)),
    version: Number(row.features_version),
    features: floatsOf(String(row.features)),
    score:
      row.score === null
        ? null
        : { value: Number(row.score), model: String(row.model), digest: hexOf(row.digest) },
  }
}

export const hexOf = (digits: unknown): Address => `0x${String(digits)}`

/** As a parameter for a bytea. */
export const bytesOf = (hex: Hex): Uint8Array => Buffer.from(hex.slice(2), 'hex')

/** Float32, little-endian, in hex: the very bits. */
export function digitsOf(features: Float32Array): string {
  const bytes = Buffer.alloc(features.length * 4)
  features.forEach((value, i) => {
    bytes.writeFloatLE(value, i * 4)
  })
  return bytes.toString('hex')
}

export function floatsOf(digits: string): Float32Array {
  const bytes = Buffer.from(digits, 'hex')
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}
