import { randomBytes } from 'node:crypto'
import { bytesToHex, type Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { ConsensusKey } from '../../node/adapters/keystore/keys.ts'
import { openSecret, sealSecret } from '../../node/quorum/shared-secret.ts'

const keys = Array.from({ length: 4 }, (_, i) => new ConsensusKey(new Uint8Array(32).fill(i + 1)))
const publicKeys = keys.map(({ publicKey }) => bytesToHex(publicKey))
const agreeOf = (key: ConsensusKey | undefined) => async (point: Uint8Array) => {
  if (key === undefined) throw new RangeError('no such key')
  return key.agree(point)
}

describe('the shared secret', () => {
  it('is opened alike by every validator, and drawn anew each time', async () => {
    const sealed = sealSecret(publicKeys, randomBytes)
    const opened = await Promise.all(keys.map((key, i) => openSecret(sealed, i, agreeOf(key))))
    expect(new Set(opened.map((secret) => bytesToHex(secret))).size).toBe(1)
    expect(opened[0]).toHaveLength(32)
    const again = await openSecret(sealSecret(publicKeys, randomBytes), 0, agreeOf(keys[0]))
    expect(again).not.toEqual(opened[0])
    // It stands nowhere in what is published.
    expect(JSON.stringify(sealed)).not.toContain(bytesToHex(opened[0] ?? new Uint8Array()).slice(2))
  })

  it('is not opened by anybody else, nor when what is sealed was changed', async () => {
    const sealed = sealSecret(publicKeys, randomBytes)
    const refused = expect.objectContaining({ code: 'QUORUM_CONFIG_SECRET', retry: false })
    const outsider = new ConsensusKey(new Uint8Array(32).fill(99))
    await expect(openSecret(sealed, 0, agreeOf(outsider))).rejects.toEqual(refused)
    await expect(openSecret(sealed, 1, agreeOf(keys[0]))).rejects.toEqual(refused)
    await expect(openSecret(sealed, 7, agreeOf(keys[0]))).rejects.toEqual(refused)
    const other = sealSecret(publicKeys, randomBytes)
    await expect(openSecret({ ...sealed, masked: other.masked }, 0, agreeOf(keys[0]))).rejects.toEqual(
      refused,
    )
    // A point of small order would make the shared key known to all.
    const small: Hex = `0x${'00'.repeat(32)}`
    await expect(openSecret({ ...sealed, ephemeralKey: small }, 0, agreeOf(keys[0]))).rejects.toEqual(refused)
  })

  it('is refused for a key that is none', () => {
    // No point of the curve, and the neutral element, which is of small order.
    for (const key of [`0x${'ff'.repeat(32)}`, `0x01${'00'.repeat(31)}`] as const)
      expect(() => sealSecret([...publicKeys, key], randomBytes)).toThrow(
        expect.objectContaining({ code: 'QUORUM_CONFIG_ORACLES' }),
      )
  })
})
