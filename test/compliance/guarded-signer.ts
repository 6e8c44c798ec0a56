import { expect, it } from 'vitest'
import type { GuardableKey } from '../../node/adapters/postgres/signing-history.ts'
import type { GuardedSigner } from '../../node/ports/signer.ts'
import { countingKey, slot } from './signing-slots.ts'

const text = (value: string) => new TextEncoder().encode(value)

/** What every `GuardedSigner` does. `make` gives a guard with an empty history. */
export function guardedSignerCompliance(
  make: () => Promise<{ guard(key: GuardableKey): GuardedSigner }>,
): void {
  it('signs rising positions, compared lexicographically', async () => {
    const key = countingKey('a')
    const signer = (await make()).guard(key)
    for (const [first, second] of [
      [0n, 0n],
      [0n, 9n],
      [1n, 0n],
      [2n, 3n],
      [2n ** 255n, 1n],
    ] as const) {
      expect(await signer.sign(slot(first, second), text('x'))).toEqual(key.sign(text('x')))
    }
  })

  it('refuses what lies below, without asking the key', async () => {
    const key = countingKey('a')
    const signer = (await make()).guard(key)
    await signer.sign(slot(5n, 5n), text('x'))
    for (const [first, second] of [
      [5n, 4n],
      [4n, 6n],
      [0n, 0n],
    ] as const) {
      await expect(signer.sign(slot(first, second), text('x'))).rejects.toMatchObject({
        code: 'SIGNER_SLOT_PASSED',
      })
    }
    expect(key.signed).toBe(1)
  })

  it('signs one slot again alike, and refuses another payload for it', async () => {
    const key = countingKey('a')
    const signer = (await make()).guard(key)
    const first = await signer.sign(slot(1n, 1n), text('x'))
    expect(await signer.sign(slot(1n, 1n), text('x'))).toEqual(first)
    await expect(signer.sign(slot(1n, 1n), text('y'))).rejects.toMatchObject({
      code: 'SIGNER_SLOT_CONFLICT',
      retry: false,
    })
    expect(key.signed).toBe(2)
  })

  it('keeps keys, purposes and scopes apart', async () => {
    const history = await make()
    const a = history.guard(countingKey('a'))
    const b = history.guard(countingKey('b'))
    await a.sign(slot(9n, 9n), text('x'))
    await b.sign(slot(1n, 1n), text('y'))
    await a.sign(slot(1n, 1n, 'commit'), text('z'))
    await a.sign({ ...slot(1n, 1n), scope: `0x${'02'.repeat(32)}` }, text('z'))
  })

  it('lets exactly one of many different payloads for a slot through', async () => {
    const signer = (await make()).guard(countingKey('a'))
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => signer.sign(slot(1n, 1n), text(`payload ${i}`))),
    )
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const attempt of attempts) {
      if (attempt.status === 'rejected')
        expect(attempt.reason).toMatchObject({ code: 'SIGNER_SLOT_CONFLICT' })
    }
  })

  it('signs what it was given even if the caller’s buffer changes meanwhile', async () => {
    const key = countingKey('a')
    const signer = (await make()).guard(key)
    const buffer = text('x')
    const signature = signer.sign(slot(1n, 1n), buffer)
    buffer.fill(0)
    expect(await signature).toEqual(key.sign(text('x')))
  })

  it('refuses a purpose or a scope that a history could not hand on', async () => {
    const signer = (await make()).guard(countingKey('a'))
    for (const bad of [
      slot(1n, 1n, ''),
      slot(1n, 1n, 'com\0mit'),
      slot(1n, 1n, 'commit\u00e9'),
      slot(1n, 1n, 'p'.repeat(129)),
      { ...slot(1n, 1n), scope: `0x${'AB'.repeat(32)}` as const },
      { ...slot(1n, 1n), scope: '0x01' as const },
    ])
      await expect(signer.sign(bad, text('x'))).rejects.toMatchObject({ code: 'SIGNER_BAD_SLOT' })
    await signer.sign(slot(1n, 1n, 'p'.repeat(128)), text('x'))
  })

  it('refuses a position that is no pair of unsigned integers', async () => {
    const signer = (await make()).guard(countingKey('a'))
    await expect(signer.sign(slot(-1n, 0n), text('x'))).rejects.toMatchObject({ code: 'SIGNER_BAD_SLOT' })
    await expect(signer.sign(slot(0n, 2n ** 256n), text('x'))).rejects.toMatchObject({
      code: 'SIGNER_BAD_SLOT',
    })
  })
}
