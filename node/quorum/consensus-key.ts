import { createPublicKey, verify } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex, type Hex, keccak256 } from 'viem'
import type { Address } from '../ports/chain.ts'

/** DER of an Ed25519 SubjectPublicKeyInfo up to the key itself (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Checks ed25519 signatures (RFC 8032) of a fixed list of raw 32-byte keys with Node's native implementation. Returns
 * false for anything that is no valid signature; never throws.
 */
export function consensusVerifier(
  publicKeys: readonly Uint8Array[],
): (oracle: number, message: Uint8Array, signature: Uint8Array) => boolean {
  const keys = publicKeys.map((raw) =>
    createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' }),
  )
  return (oracle, message, signature) => {
    const key = keys[oracle]
    if (key === undefined || signature.length !== 64) return false
    try {
      return verify(null, message, key, signature)
    } catch {
      // OpenSSL throws for a key that is not a point of the curve.
      return false
    }
  }
}

/** n/2 of secp256k1: EIP-2 refuses a higher s. */
const HALF_ORDER = secp256k1.Point.Fn.ORDER >> 1n

/** The signer of `r || s || v` (65 bytes, v in {0, 1}, low s) over a 32-byte digest, lower case; null when there is none. */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): Address | null {
  const v = signature[64]
  if (signature.length !== 65 || (v !== 0 && v !== 1)) return null
  try {
    if (BigInt(bytesToHex(signature.subarray(32, 64))) > HALF_ORDER) return null
    const recovered = new Uint8Array(65)
    recovered[0] = v
    recovered.set(signature.subarray(0, 64), 1)
    const compressed = secp256k1.recoverPublicKey(recovered, digest, { prehash: false })
    return addressOf(compressed)
  } catch {
    return null
  }
}

/** Last 20 bytes of keccak256 of the uncompressed point (Yellow Paper, appendix F). */
function addressOf(publicKey: Uint8Array): Address {
  const point = secp256k1.Point.fromBytes(publicKey).toBytes(false)
  const hash: Hex = keccak256(point.subarray(1))
  return `0x${hash.slice(26)}`
}
