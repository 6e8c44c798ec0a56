import { secp256k1 } from '@noble/curves/secp256k1.js'
import { hexToBytes, keccak256, numberToHex } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { recoverSigner } from '../../node/quorum/consensus-key.ts'

const KEY = `0x${'42'.repeat(32)}` as const
const digest = keccak256('0x1234', 'bytes')

function signed(): Uint8Array {
  const recovered = secp256k1.sign(digest, hexToBytes(KEY), { prehash: false, format: 'recovered' })
  return Uint8Array.from([...recovered.subarray(1), recovered[0] ?? 0])
}
const changed = (change: (signature: Uint8Array) => void) => {
  const signature = signed()
  change(signature)
  return signature
}

describe('the signer of a report', () => {
  it('is recovered from r, s and v', () => {
    expect(recoverSigner(digest, signed())).toBe(privateKeyToAddress(KEY).toLowerCase())
  })

  it('is not recovered from the other form of the same signature: contracts refuse it (EIP-2)', () => {
    const other = changed((signature) => {
      const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`)
      signature.set(hexToBytes(numberToHex(secp256k1.Point.Fn.ORDER - s, { size: 32 })), 32)
      signature[64] = 1 - (signature[64] ?? 0)
    })
    expect(recoverSigner(digest, other)).toBeNull()
  })

  it('is nobody when the bytes are no signature', () => {
    const none = [
      new Uint8Array(),
      signed().subarray(0, 64),
      changed((signature) => {
        signature[64] = (signature[64] ?? 0) + 27
      }),
      changed((signature) => signature.fill(0, 0, 32)),
      changed((signature) => signature.fill(0xff, 0, 32)),
    ]
    for (const each of none) expect(recoverSigner(digest, each)).toBeNull()
  })
})
