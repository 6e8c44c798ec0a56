import type { SigningSlot } from '../../ports/signer.ts'

/** Printable ASCII, so that a purpose has one spelling on every machine. */
export const purposePattern = /^[ -~]{1,128}$/
/** A config digest: 32 bytes in lower case, so that one scope never has two names, and two histories. */
export const scopePattern = /^0x[0-9a-f]{64}$/
export const maxPosition = 2n ** 256n - 1n

/** Whether a history can keep the slot, and hand it on to another node. */
export function isSoundSlot({ purpose, scope, position }: SigningSlot): boolean {
  return (
    purposePattern.test(purpose) &&
    scopePattern.test(scope) &&
    position.every((part) => part >= 0n && part <= maxPosition)
  )
}
