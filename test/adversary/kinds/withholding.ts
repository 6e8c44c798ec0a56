import type { Adversary } from '../puppet.ts'

const CERTIFYING = new Set(['commit', 'epoch-start', 'outcome-response'])

/** Never tells every other validator what would let it go on: commits, epoch starts, certificates. */
export const withholding: Adversary = () => ({
  outgoing: (message, to) => (to % 2 === 1 && CERTIFYING.has(message.kind) ? [] : [message]),
})
