import { randomBytes, randomInt } from 'node:crypto'
import { NO_HASH } from '../../../node/quorum/certificate.ts'
import type { Message } from '../../../node/quorum/messages.ts'
import type { Adversary } from '../puppet.ts'

/**
 * Beside its proper part sends noise, and messages that look right until somebody checks them: so many to each of the
 * others at a time. What its connections do not take, its own queue drops.
 */
export const flood =
  (burst: number, everyMs: number): Adversary =>
  ({ others, say }) => {
    let [epoch, seqNr] = [1, 1n]
    return {
      incoming(message) {
        if ('epoch' in message && message.kind !== 'wish') epoch = Math.max(epoch, message.epoch)
        if ('seqNr' in message && message.seqNr > seqNr) seqNr = message.seqNr
      },
      tick: {
        everyMs,
        run() {
          for (const to of others) for (let i = 0; i < burst; i++) say(to, noise(epoch, seqNr))
        },
      },
    }
  }

function noise(epoch: number, seqNr: bigint): Message | Uint8Array {
  const later = { epoch: epoch + randomInt(2), seqNr: seqNr + BigInt(randomInt(3)) }
  const [inputsHash, outcomeHash, signature] = [randomBytes(32), randomBytes(32), randomBytes(64)]
  switch (randomInt(8)) {
    case 0:
      return randomBytes(randomInt(2_000))
    case 1:
      return { kind: 'prepare', ...later, inputsHash, outcomeHash, signature, proposal: null }
    case 2:
      return { kind: 'commit', ...later, outcomeHash, signature }
    case 3:
      return { kind: 'observation', ...later, observation: randomBytes(128), signature }
    case 4:
      return { kind: 'wish', epoch: 0xffff_ffff }
    case 5:
      return {
        kind: 'report-signatures',
        seqNr: later.seqNr,
        reports: [
          {
            index: 0,
            configDigest: inputsHash,
            reportHash: inputsHash,
            extraHash: outcomeHash,
            signature: randomBytes(65),
          },
        ],
      }
    case 6:
      return { kind: 'outcome-request', epoch, started: false, seqNr: 0n }
    default: {
      const signatures = [0, 1, 2, 3, 4].map((oracle) => ({ oracle, signature }))
      const outcome = randomBytes(500)
      return {
        kind: 'outcome-response',
        certificate: { kind: 'commit', ...later, inputsHash: NO_HASH, outcome, signatures },
      }
    }
  }
}
