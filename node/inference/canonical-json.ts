import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hex } from '../ports/chain.ts'
import { InferenceError } from '../ports/inference-error.ts'

/**
 * Canonical JSON (RFC 8785) of what a manifest holds: no whitespace, keys in order of UTF-16 code units, strings as
 * ECMAScript writes them. Numbers must be integers that JavaScript holds exactly, for which RFC 8785's number format is
 * plain decimal; anything else, and strings with lone surrogates, is refused with `INFERENCE_BAD_MANIFEST`.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  if (typeof value === 'string' && value.isWellFormed()) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([key, member]) => `${canonicalJson(key)}:${canonicalJson(member)}`).join(',')}}`
  }
  throw new InferenceError(
    'INFERENCE_BAD_MANIFEST',
    '',
    `The manifest holds ${typeof value === 'number' ? value : typeof value} where only text, booleans, null and integers below 2^53 have one canonical form. Write it as a decimal string.`,
  )
}

/** keccak256 of the canonical JSON's UTF-8: what a contract binds a model by. */
export function canonicalDigest(value: unknown): Hex {
  return `0x${Buffer.from(keccak_256(new TextEncoder().encode(canonicalJson(value)))).toString('hex')}`
}
