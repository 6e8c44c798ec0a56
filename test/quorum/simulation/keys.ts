import { concatBytes } from 'viem'
import type { Address } from '../../../node/ports/chain.ts'
import { sameBytes } from '../../../node/quorum/bytes.ts'
import type { Verification } from '../../../node/quorum/machine/effects.ts'
import { sha256 } from '../../../node/quorum/signed-bytes.ts'

/**
 * Signatures for simulations: a hash of a per-oracle secret and the message. As unforgeable as the real ones as long
 * as nobody uses another's secret, and fifty times faster. The engine's driver tests use the real curves.
 */
export function simulatedKeys(n: number): {
  sign(oracle: number, message: Uint8Array): Uint8Array
  signReport(oracle: number, digest: Uint8Array): Uint8Array
  verification: Verification
  signers: Address[]
} {
  const secrets = Array.from({ length: n }, (_, i) => sha256(Uint8Array.of(i, 1, 2, 3)))
  const signers = secrets.map(
    (secret): Address => `0x${Buffer.from(sha256(secret)).subarray(0, 20).toString('hex')}`,
  )
  const tag = (oracle: number, message: Uint8Array) =>
    sha256(concatBytes([secrets[oracle] ?? new Uint8Array(), message]))
  const sign = (oracle: number, message: Uint8Array) => {
    const half = tag(oracle, message)
    return concatBytes([half, half])
  }
  const signReport = (oracle: number, digest: Uint8Array) =>
    concatBytes([tag(oracle, digest), new Uint8Array(32), Uint8Array.of(oracle)])
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
