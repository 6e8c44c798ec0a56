import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hex } from '../../ports/chain.ts'
import { type KeyRole, roles } from './roles.ts'

// PKCS #8 wrapping of a bare ed25519 seed (RFC 8410, section 7); the seed follows.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A seed as a key object of the runtime, which never prints its secret. */
export function ed25519Key(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([pkcs8Prefix, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** 32 bytes. */
export function ed25519PublicKey(key: KeyObject): Uint8Array {
  // SubjectPublicKeyInfo ends with the bare key (RFC 8410, section 4).
  return Uint8Array.from(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
}

export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`
}

/** Checksummed form of 20 bytes in hex (EIP-55). */
export function checksum(address: string): Address {
  const digits = address.toLowerCase().replace(/^0x/, '')
  const hash = Buffer.from(keccak_256(Buffer.from(digits, 'ascii'))).toString('hex')
  const mixed = [...digits].map((digit, i) =>
    Number.parseInt(hash[i] ?? '0', 16) >= 8 ? digit.toUpperCase() : digit,
  )
  return `0x${mixed.join('')}`
}

/** Ethereum address of a secp256k1 private key: the last 20 bytes of the Keccak-256 of its public point. */
export function addressOf(privateKey: Uint8Array): Address {
  const point = secp256k1.getPublicKey(privateKey, false)
  return checksum(Buffer.from(keccak_256(point.subarray(1)).subarray(-20)).toString('hex'))
}

/** What the world knows a key by: its address (checksummed) or its public key. */
export function identityOf(role: KeyRole, secret: Uint8Array): Hex {
  return roles[role].curve === 'ed25519' ? toHex(ed25519PublicKey(ed25519Key(secret))) : addressOf(secret)
}
