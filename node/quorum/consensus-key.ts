import { createPublicKey, verify } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { type Hex, hexToBytes, keccak256 } from 'viem'
import type { Address } from '../ports/chain.ts'
import type { Verification } from './machine/effects.ts'

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

const { Point } = secp256k1
type Point = InstanceType<typeof Point>
const { Fn } = Point
/** n/2 of secp256k1: EIP-2 refuses a higher s. */
const HALF_ORDER = Fn.ORDER >> 1n

/** The signer of `r || s || v` (65 bytes, v in {0, 1}, low s) over a 32-byte digest, lower case; null when there is none. */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): Address | null {
  const key = recoverKey(digest, signature)
  return key === null ? null : addressOf(key)
}

function recoverKey(digest: Uint8Array, signature: Uint8Array): Point | null {
  const parts = partsOf(digest, signature)
  if (parts === null) return null
  const recovered = new Uint8Array(65)
  recovered[0] = parts.v
  recovered.set(signature.subarray(0, 64), 1)
  try {
    return Point.fromBytes(secp256k1.recoverPublicKey(recovered, digest, { prehash: false }))
  } catch {
    // r is no x of the curve.
    return null
  }
}

interface SignatureParts {
  readonly r: bigint
  readonly s: bigint
  readonly v: number
}

function partsOf(digest: Uint8Array, signature: Uint8Array): SignatureParts | null {
  const v = signature[64]
  if (digest.length !== 32 || signature.length !== 65 || (v !== 0 && v !== 1)) return null
  const r = bigintOf(signature.subarray(0, 32))
  const s = bigintOf(signature.subarray(32, 64))
  return r > 0n && r < Fn.ORDER && s > 0n && s <= HALF_ORDER ? { r, s, v } : null
}

function bigintOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`)
}

/** Last 20 bytes of keccak256 of the uncompressed point (Yellow Paper, appendix F). */
function addressOf(key: Point): Address {
  const hash: Hex = keccak256(key.toBytes(false).subarray(1))
  return `0x${hash.slice(26)}`
}

/** As `recoverSigner`; cheaper for an `expected` signer that came before, and then null for any other. */
export type SignerRecovery = (digest: Uint8Array, signature: Uint8Array, expected?: Address) => Address | null

/** Signers whose keys are kept: four quorums of 31, about 0.2 MB each. */
const MAX_KNOWN_KEYS = 124
/** Bits of a window of a kept key's table: more cost memory and a slower first use. */
const WINDOW_BITS = 5

/**
 * `recoverSigner` for signers that come again. Contracts name addresses, so a key is learned by recovering it from a
 * first signature of the expected signer. From then on that signer's are checked by ECDSA's own equation (SEC 1, section
 * 4.1.4) with a table of multiples of the key: R = z/s G + r/s Q has the x and the parity that the signature names if
 * and only if recovering would give Q. About a third of the price.
 */
export function signerRecovery(): SignerRecovery {
  const keys = new Map<Address, Point>()
  const remember = (address: Address, key: Point): void => {
    keys.delete(address)
    keys.set(address, key)
    for (const oldest of keys.keys()) {
      if (keys.size <= MAX_KNOWN_KEYS) return
      keys.delete(oldest)
    }
  }
  return (digest, signature, expected) => {
    const known = expected === undefined ? undefined : keys.get(expected)
    if (expected !== undefined && known !== undefined) {
      remember(expected, known)
      return isSignedBy(known, digest, signature) ? expected : null
    }
    const key = recoverKey(digest, signature)
    if (key === null) return null
    const signer = addressOf(key)
    if (signer === expected) remember(signer, key.precompute(WINDOW_BITS))
    return signer
  }
}

function isSignedBy(key: Point, digest: Uint8Array, signature: Uint8Array): boolean {
  const parts = partsOf(digest, signature)
  if (parts === null) return false
  const { r, s, v } = parts
  const inverse = Fn.inv(s)
  const ofBase = Fn.mul(Fn.create(bigintOf(digest)), inverse)
  const point = Point.BASE.multiplyUnsafe(ofBase).add(key.multiplyUnsafe(Fn.mul(r, inverse)))
  if (point.is0()) return false
  // v in {0, 1} says that x is r itself, not r + n.
  const { x, y } = point.toAffine()
  return x === r && Number(y & 1n) === v
}

/** Signature checks of the members of a configuration. */
export type VerificationFactory = (
  oracles: readonly { readonly consensusKey: Hex }[],
) => Verification & { readonly recover: SignerRecovery }

/** The checks with the primitives at hand. What is learned of report signers serves all instances. */
export function nativeVerification(): VerificationFactory {
  const recover = signerRecovery()
  return (oracles) => ({
    consensus: consensusVerifier(oracles.map(({ consensusKey }) => hexToBytes(consensusKey))),
    recover,
  })
}
