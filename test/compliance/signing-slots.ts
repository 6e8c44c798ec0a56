import { createHmac } from 'node:crypto'
import type { GuardableKey } from '../../node/adapters/postgres/signing-history.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { SigningSlot } from '../../node/ports/signer.ts'

/** A deterministic key that counts what it was asked to sign. */
export function countingKey(id: string): GuardableKey & { signed: number } {
  const key = {
    id,
    signed: 0,
    sign: (payload: Uint8Array) => {
      key.signed++
      return Uint8Array.from(createHmac('sha256', id).update(payload).digest())
    },
  }
  return key
}

const scope: Hex = `0x${'01'.repeat(32)}`
export const slot = (first: bigint, second: bigint, purpose = 'prepare'): SigningSlot => ({
  purpose,
  scope,
  position: [first, second],
})
