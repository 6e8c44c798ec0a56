import { randomInt } from 'node:crypto'
import type { Message } from '../../../node/quorum/messages.ts'
import type { Adversary } from '../puppet.ts'

const REMEMBERED = 500

/** Beside its proper part says again what it or anybody has said before, to anybody. */
export const replaying: Adversary = ({ others, say }) => {
  const memory: Message[] = []
  const remember = (message: Message) => {
    if (memory.length < REMEMBERED) memory.push(message)
    // In part from long ago.
    else memory[randomInt(REMEMBERED)] = message
  }
  return {
    incoming: remember,
    outgoing(message) {
      remember(message)
      return [message]
    },
    tick: {
      everyMs: 10,
      run() {
        for (const to of others) {
          const old = memory[randomInt(REMEMBERED)]
          if (old !== undefined) say(to, old)
        }
      },
    },
  }
}
