import { ByteWriter } from './bytes.ts'
import { sha256 } from './signed-bytes.ts'

/**
 * A permutation of 0..n-1 that depends on a key (32 bytes) and a label: Fisher-Yates over a SHA-256 stream. The modulo
 * of 256 bits by at most 31 is biased by less than 2^-250.
 */
export function keyedPermutation(key: Uint8Array, label: Uint8Array, n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const seed = new ByteWriter().fixed(key, 32).u8(i).bytes(label, 64).finish()
    const j = Number(toBigInt(sha256(seed)) % BigInt(i + 1))
    const a = order[i] ?? i
    order[i] = order[j] ?? j
    order[j] = a
  }
  return order
}

/** Leader of an epoch: every oracle leads once in each `n` epochs, in an order that changes with every such cycle. */
export function leaderOf(key: Uint8Array, epoch: number, n: number): number {
  const cycle = Math.floor(epoch / n)
  const order = keyedPermutation(key, new ByteWriter().u8(1).u32(cycle).finish(), n)
  return order[epoch % n] ?? 0
}

/** 0 for the oracle that transmits a report first, n-1 for the last. */
export function transmissionStage(
  key: Uint8Array,
  report: { readonly seqNr: bigint; readonly index: number },
  n: number,
  self: number,
): number {
  const label = new ByteWriter().u8(2).u64(report.seqNr).u32(report.index).finish()
  return keyedPermutation(key, label, n).indexOf(self)
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
