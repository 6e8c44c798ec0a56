import type { MessageOf } from '../../../node/quorum/messages.ts'
import { observationSignedBytes } from '../../../node/quorum/signed-bytes.ts'
import type { Adversary } from '../puppet.ts'

/** Signs an observation that is far off. As leader it is honest: there its engine observes, and it does not see that. */
export const lying: Adversary = ({ digest, sign, lie }) => {
  let asked: MessageOf<'round-start'> | null = null
  return {
    incoming(message) {
      if (message.kind === 'round-start') asked = message
    },
    outgoing(message) {
      if (message.kind !== 'observation' || asked?.seqNr !== message.seqNr) return [message]
      const { epoch, seqNr } = message
      const observation = lie(message.observation)
      const signature = sign(observationSignedBytes({ digest, epoch, seqNr }, asked.query, observation))
      return [{ ...message, observation, signature }]
    },
  }
}
