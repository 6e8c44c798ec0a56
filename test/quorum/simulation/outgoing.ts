import type { QuorumSnapshot } from '../../../node/ports/quorum.ts'
import { ByteReader } from '../../../node/quorum/bytes.ts'
import { type Certificate, decodeCertificate } from '../../../node/quorum/certificate.ts'
import type { QuorumLimits } from '../../../node/quorum/limits.ts'
import type { Message } from '../../../node/quorum/messages.ts'
import type { Rule } from './invariants.ts'

/** Decoding is the dearest part of a check, and most messages are checked against the same bytes. */
const decoded = new WeakMap<Uint8Array, Certificate>()

function onDisk(bytes: Uint8Array | null, limits: QuorumLimits): Certificate | null {
  if (bytes === null) return null
  const known = decoded.get(bytes) ?? decodeCertificate(bytes, limits)
  decoded.set(bytes, known)
  return known
}

/**
 * What must be on disk before a validator says something, and to whom alone it may say it. Returns the rule that is
 * broken and how, or null.
 */
export function outgoingProblem(
  message: Message,
  at: {
    readonly node: number
    readonly to: number
    readonly leader: number
    readonly disk: QuorumSnapshot
    readonly limits: QuorumLimits
  },
): readonly [Rule, string] | null {
  const { node, to, leader, disk, limits } = at
  switch (message.kind) {
    case 'commit': {
      const certificate = onDisk(disk.certificate, limits)
      if (certificate?.epoch === message.epoch && certificate.seqNr === message.seqNr) return null
      return [
        'durable-first',
        `node ${node} commits (${message.epoch}, ${message.seqNr}) before its certificate is on disk`,
      ]
    }
    case 'epoch-start-request':
    case 'prepare': {
      const epoch = disk.pacemaker === null ? 0 : new ByteReader(disk.pacemaker).u32()
      if (epoch >= message.epoch) return null
      return ['durable-first', `node ${node} speaks in epoch ${message.epoch}, its disk has ${epoch}`]
    }
    case 'observation':
      if (to === leader) return null
      return ['secrecy', `node ${node} shows its observation to ${to}`]
    case 'report-signatures':
      if ((onDisk(disk.committed, limits)?.seqNr ?? 0n) >= message.seqNr) return null
      return ['durable-first', `node ${node} signs reports before the commit is on disk`]
    default:
      return null
  }
}
