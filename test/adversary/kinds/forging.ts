import type { Message } from '../../../node/quorum/messages.ts'
import type { Adversary } from '../puppet.ts'

/** Nothing that it says is signed right: its own votes, observations and reports, nor as leader those of others. */
export const forging: Adversary = () => ({ outgoing: (message) => [forged(message)] })

function forged(message: Message): Message {
  switch (message.kind) {
    case 'observation':
    case 'prepare':
    case 'commit':
    case 'epoch-start-request':
      return { ...message, signature: spoilt(message.signature) }
    case 'report-signatures':
      return { ...message, reports: message.reports.map(resigned) }
    case 'proposal':
      return {
        ...message,
        observations: message.observations.map(resigned),
        signature: spoilt(message.signature),
      }
    case 'epoch-start':
      return { ...message, proofs: message.proofs.map(resigned) }
    default:
      return message
  }
}

const resigned = <T extends { readonly signature: Uint8Array }>(signed: T): T => ({
  ...signed,
  signature: spoilt(signed.signature),
})

function spoilt(signature: Uint8Array): Uint8Array {
  return signature.map((byte, at) => (at === 7 ? byte ^ 1 : byte))
}
