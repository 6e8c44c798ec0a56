import type { Address } from '../../../node/ports/chain.ts'
import { sameBytes } from '../../../node/quorum/bytes.ts'
import type { Verification } from '../../../node/quorum/machine/effects.ts'
import { sha256 } from '../../../node/quorum/signed-bytes.ts'

/**
 * Signatures for simulations: a keyed checksum of the message, a hundred times cheaper than the real ones. A
 * cryptographer would break it; nobody here tries: liars sign with their own keys or draw bytes at random. The engine's
 * driver tests use the real curves.
 */
export function simulatedKeys(n: number): {
  sign(oracle: number, message: Uint8Array): Uint8Array
  signReport(oracle: number, digest: Uint8Array): Uint8Array
  verification: Verification
  signers: Address[]
} {
  const signers = Array.from({ length: n }, (_, oracle): Address => {
    const key = sha256(Uint8Array.of(oracle, 1, 2, 3))
    return `0x${Buffer.from(key).subarray(0, 20).toString('hex')}`
  })
  const sign = (oracle: number, message: Uint8Array) => {
    const signature = new Uint8Array(64)
    write(signature, oracle + 1, message)
    return signature
  }
  const signReport = (oracle: number, digest: Uint8Array) => {
    const signature = new Uint8Array(65)
    write(signature, (oracle + 1) * 1000, digest)
    signature[64] = oracle
    return signature
  }
  return {
    sign,
    signReport,
    signers,
    verification: {
      consensus: (oracle, message, signature) => oracle < n && sameBytes(sign(oracle, message), signature),
      recover: (digest, signature) => {
        const oracle = signature[64] ?? n
        if (oracle >= n || !sameBytes(signReport(oracle, digest), signature)) return null
        return signers[oracle] ?? null
      },
    },
  }
}

/** Two lanes of FNV-1a (Fowler, Noll, Vo) over key and message, mixed as in MurmurHash3, fill the signature. */
function write(signature: Uint8Array, key: number, message: Uint8Array): void {
  let a = Math.imul(key, 0x9e3779b1) ^ message.length
  let b = Math.imul(key, 0x85ebca6b) ^ 0x811c9dc5
  for (const byte of message) {
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b + byte, 0xc2b2ae35) ^ (b >>> 15)
  }
  for (let i = 0; i < 64; i++) {
    a = Math.imul(a ^ (a >>> 13), 0x85ebca6b) + b
    b = Math.imul(b ^ (b >>> 16), 0xc2b2ae35) + i
    signature[i] = a >>> 24
  }
}
