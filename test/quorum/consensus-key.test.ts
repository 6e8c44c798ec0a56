import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recoverSigner, signerRecovery } from '../../node/quorum/consensus-key.ts'
import { makeIdentity } from './memory/ports.ts'

const ORDER = secp256k1.Point.Fn.ORDER
const slot = (position: number) =>
  ({ purpose: 'report', scope: '0x01', position: [BigInt(position), 0n] }) as const

async function signedReport() {
  const { report } = makeIdentity().signers
  let position = 0
  return {
    address: report.address.toLowerCase() as `0x${string}`,
    sign: (digest: Uint8Array) => report.sign(slot(++position), digest),
  }
}

const word = (value: bigint): Uint8Array =>
  Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'))
const scalar = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

/** Every way of being almost right. */
function variants(signature: Uint8Array): Record<string, Uint8Array> {
  const r = signature.subarray(0, 32)
  const s = signature.subarray(32, 64)
  const v = signature[64] ?? 0
  const made = (...parts: (Uint8Array | number)[]) =>
    Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])))
  return {
    'the other parity': made(r, s, v ^ 1),
    'v of Ethereum': made(r, s, v + 27),
    'high s': made(r, word(ORDER - scalar(s)), v ^ 1),
    'high s with the parity kept': made(r, word(ORDER - scalar(s)), v),
    'r = 0': made(word(0n), s, v),
    's = 0': made(r, word(0n), v),
    'r = n': made(word(ORDER), s, v),
    'r + 1': made(word((scalar(r) + 1n) % ORDER), s, v),
    's + 1': made(r, word((scalar(s) + 1n) % ORDER), v),
    'a byte less': signature.subarray(0, 64),
    'a byte more': made(signature, 0),
    nothing: new Uint8Array(),
  }
}

describe('signerRecovery', () => {
  it('accepts signatures of the expected signer, before and after it knows the key', async () => {
    const { address, sign } = await signedReport()
    const recover = signerRecovery()
    for (let i = 0; i < 4; i++) {
      const digest = new Uint8Array(32).fill(i)
      expect(recover(digest, await sign(digest), address)).toBe(address)
    }
  })

  it('says of a signature of another what recovering says, or nothing', async () => {
    const [a, b] = [await signedReport(), await signedReport()]
    const recover = signerRecovery()
    const digest = new Uint8Array(32).fill(7)
    const ofA = await a.sign(digest)
    const ofB = await b.sign(digest)
    expect(recover(digest, ofB, a.address)).toBe(b.address)
    expect(recover(digest, ofA, a.address)).toBe(a.address)
    expect(recover(digest, ofB, a.address)).toBeNull()
    expect(recover(digest, ofB, b.address)).toBe(b.address)
    expect(recover(digest, ofB)).toBe(b.address)
  })

  it('refuses with a known key whatever recovering refuses', async () => {
    const { address, sign } = await signedReport()
    const recover = signerRecovery()
    const digest = new Uint8Array(32).fill(3)
    const signature = await sign(digest)
    expect(recover(digest, signature, address)).toBe(address)
    for (const [name, variant] of Object.entries(variants(signature))) {
      expect(recoverSigner(digest, variant), name).not.toBe(address)
      expect(recover(digest, variant, address), name).toBeNull()
    }
    expect(recover(digest.subarray(1), signature, address)).toBeNull()
  })

  it('agrees with recovering on any digest and any damage', async () => {
    const { address, sign } = await signedReport()
    const recover = signerRecovery()
    const first = new Uint8Array(32)
    expect(recover(first, await sign(first), address)).toBe(address)
    const digests = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const damage = fc.option(fc.record({ at: fc.nat(64), bit: fc.nat(7) }), { nil: null })
    await fc.assert(
      fc.asyncProperty(digests, damage, async (digest, damaged) => {
        const signature = Uint8Array.from(await sign(digest))
        if (damaged !== null) signature[damaged.at] = (signature[damaged.at] ?? 0) ^ (1 << damaged.bit)
        const recovered = recoverSigner(digest, signature)
        expect(recover(digest, signature, address)).toBe(recovered === address ? address : null)
        expect(recovered === address).toBe(damaged === null)
      }),
      { numRuns: 60 },
    )
  })

  it('knows the key of a digest that is zero modulo the order', async () => {
    const { address, sign } = await signedReport()
    const recover = signerRecovery()
    for (const digest of [word(1n), word(0n), word(ORDER)]) {
      expect(recover(digest, await sign(digest), address)).toBe(address)
    }
  })
})
