import { createHash } from 'node:crypto'
import { SignerError } from '../../node/adapters/postgres/errors.ts'
import type { GuardableKey } from '../../node/adapters/postgres/signing-history.ts'
import { isSoundSlot } from '../../node/adapters/postgres/signing-slot.ts'
import type { GuardedSigner, SigningSlot } from '../../node/ports/signer.ts'

/** Guards keys by a history in memory; what is signed is forgotten with the object. */
export function memorySigningHistory(): { guard(key: GuardableKey): GuardedSigner } {
  const history = new Map<string, { position: SigningSlot['position']; digest: string }>()
  return {
    guard: (key) => ({
      sign: async (at, payload) => {
        if (!isSoundSlot(at)) throw new SignerError('SIGNER_BAD_SLOT', 'bad slot', { data: {} })
        const { purpose, scope, position } = at
        const bytes = Uint8Array.from(payload)
        const digest = createHash('sha256').update(bytes).digest('hex')
        const slot = JSON.stringify([key.id, purpose, scope])
        const known = history.get(slot)
        if (known !== undefined) {
          const order = compare(position, known.position)
          if (order < 0) throw new SignerError('SIGNER_SLOT_PASSED', 'passed', { data: {} })
          if (order === 0 && digest !== known.digest) {
            throw new SignerError('SIGNER_SLOT_CONFLICT', 'conflict', { data: {} })
          }
        }
        history.set(slot, { position, digest })
        return key.sign(bytes)
      },
    }),
  }
}

function compare(a: SigningSlot['position'], b: SigningSlot['position']): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1
  if (a[1] !== b[1]) return a[1] < b[1] ? -1 : 1
  return 0
}
