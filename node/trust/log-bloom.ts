import { type Hex, hexToBytes, keccak256 } from 'viem'

/**
 * Whether a block with this bloom filter may hold a log of one of `addresses` with one of `topics`. False is certain
 * when the bloom is that of a proven header (Yellow Paper, section 4.4.1, M3:2048).
 */
export function mayHold(bloom: Hex, addresses: readonly Hex[], topics: readonly Hex[]): boolean {
  const bits = hexToBytes(bloom)
  return addresses.some((value) => has(bits, value)) && topics.some((value) => has(bits, value))
}

function has(bits: Uint8Array, value: Hex): boolean {
  const hash = hexToBytes(keccak256(value))
  return [0, 2, 4].every((at) => {
    const bit = (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 2047
    return ((bits[bits.length - 1 - (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0
  })
}
