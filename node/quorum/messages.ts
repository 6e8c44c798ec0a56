import type { SignedObservation } from '../ports/quorum.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { type Certificate, readCertificate, readOracleAfter, writeCertificate } from './certificate.ts'
import { QuorumCodecError } from './errors.ts'
import { MAX_ORACLES, type QuorumLimits } from './limits.ts'
import { type CertificateRank, PROTOCOL_VERSION } from './signed-bytes.ts'

/** A validator's signed word on its highest certificate, for one epoch. */
export interface EpochStartProof {
  readonly oracle: number
  readonly rank: CertificateRank
  readonly signature: Uint8Array
}

/** What of a proposal its leader signed beside the inputs, and the signature. */
export interface LeaderWord {
  readonly signaturesHash: Uint8Array
  readonly signature: Uint8Array
}

/** An on-chain signature with what it is over, so that signing two reports for one place can be proven. */
export interface ReportSignature {
  /** Place of the report in its outcome. */
  readonly index: number
  /** Of the configuration of the contract that it is for. */
  readonly configDigest: Uint8Array
  /** keccak256 of the payload. */
  readonly reportHash: Uint8Array
  readonly extraHash: Uint8Array
  /** r || s || v. */
  readonly signature: Uint8Array
}

/** Every message of the protocol. The sender is not in it: the transport authenticates it. */
export type Message =
  | { readonly kind: 'wish'; readonly epoch: number }
  | {
      readonly kind: 'epoch-start-request'
      readonly epoch: number
      readonly rank: CertificateRank
      readonly signature: Uint8Array
      readonly certificate: Certificate | null
    }
  | {
      readonly kind: 'epoch-start'
      readonly epoch: number
      readonly certificate: Certificate | null
      readonly proofs: readonly EpochStartProof[]
    }
  | {
      readonly kind: 'round-start'
      readonly epoch: number
      readonly seqNr: bigint
      readonly query: Uint8Array
      /** `observationSeal` of the leader's own observation; null where the duty wants none, or the leader has none. */
      readonly seal: Uint8Array | null
    }
  | { readonly kind: 'idle'; readonly epoch: number; readonly seqNr: bigint }
  | {
      readonly kind: 'observation'
      readonly epoch: number
      readonly seqNr: bigint
      readonly observation: Uint8Array
      readonly signature: Uint8Array
    }
  | {
      readonly kind: 'proposal'
      readonly epoch: number
      readonly seqNr: bigint
      readonly query: Uint8Array
      readonly observations: readonly SignedObservation[]
      /** The leader's: it can't deny what it proposed. */
      readonly signature: Uint8Array
    }
  | {
      readonly kind: 'prepare'
      readonly epoch: number
      readonly seqNr: bigint
      readonly inputsHash: Uint8Array
      readonly outcomeHash: Uint8Array
      readonly signature: Uint8Array
      /** The leader's word for these inputs; null for a re-proposal, which no leader signs. */
      readonly proposal: LeaderWord | null
    }
  | {
      readonly kind: 'commit'
      readonly epoch: number
      readonly seqNr: bigint
      readonly outcomeHash: Uint8Array
      readonly signature: Uint8Array
    }
  /** Those that the sender signed, ascending by index. */
  | {
      readonly kind: 'report-signatures'
      readonly seqNr: bigint
      readonly reports: readonly ReportSignature[]
    }
  | {
      readonly kind: 'outcome-request'
      readonly epoch: number
      /** Whether the asker has the epoch start of `epoch`. */
      readonly started: boolean
      /** The asker's last committed sequence number. */
      readonly seqNr: bigint
    }
  | { readonly kind: 'outcome-response'; readonly certificate: Certificate }

export type MessageKind = Message['kind']
export type MessageOf<K extends MessageKind> = Extract<Message, { kind: K }>

/** The byte of each kind on the wire. A number is never given a second meaning. */
export const MESSAGE_KIND: Readonly<Record<MessageKind, number>> = {
  wish: 1,
  'epoch-start-request': 2,
  'epoch-start': 3,
  'round-start': 4,
  idle: 5,
  observation: 6,
  proposal: 7,
  prepare: 8,
  commit: 9,
  'report-signatures': 10,
  'outcome-request': 11,
  'outcome-response': 12,
}

/** Canonical bytes: `u8 version || u8 kind || fields`. Throws `QUORUM_CODEC_LIMIT` for what a peer would refuse. */
export function encodeMessage(message: Message, limits: QuorumLimits): Uint8Array {
  const writer = new ByteWriter().u8(PROTOCOL_VERSION).u8(MESSAGE_KIND[message.kind])
  switch (message.kind) {
    case 'wish':
      writer.u32(message.epoch)
      break
    case 'epoch-start-request':
      writer.u32(message.epoch)
      writeRank(writer, message.rank)
      writer.fixed(message.signature, 64)
      writeOptional(writer, message.certificate, limits)
      break
    case 'epoch-start':
      writer.u32(message.epoch)
      writeOptional(writer, message.certificate, limits)
      writer.u8(message.proofs.length)
      for (const proof of message.proofs) {
        writer.u8(proof.oracle)
        writeRank(writer, proof.rank)
        writer.fixed(proof.signature, 64)
      }
      break
    case 'round-start':
      writer.u32(message.epoch).u64(message.seqNr).bytes(message.query, limits.query)
      writer.u8(message.seal === null ? 0 : 1)
      if (message.seal !== null) writer.fixed(message.seal, 32)
      break
    case 'idle':
      writer.u32(message.epoch).u64(message.seqNr)
      break
    case 'observation':
      writer.u32(message.epoch).u64(message.seqNr)
      writer.bytes(message.observation, limits.observation).fixed(message.signature, 64)
      break
    case 'proposal':
      writer.u32(message.epoch).u64(message.seqNr).bytes(message.query, limits.query)
      writer.u8(message.observations.length)
      for (const { oracle, observation, signature } of message.observations) {
        writer.u8(oracle).bytes(observation, limits.observation).fixed(signature, 64)
      }
      writer.fixed(message.signature, 64)
      break
    case 'prepare':
      writer.u32(message.epoch).u64(message.seqNr)
      writer.fixed(message.inputsHash, 32).fixed(message.outcomeHash, 32).fixed(message.signature, 64)
      writer.u8(message.proposal === null ? 0 : 1)
      if (message.proposal !== null)
        writer.fixed(message.proposal.signaturesHash, 32).fixed(message.proposal.signature, 64)
      break
    case 'commit':
      writer.u32(message.epoch).u64(message.seqNr)
      writer.fixed(message.outcomeHash, 32).fixed(message.signature, 64)
      break
    case 'report-signatures':
      writer.u64(message.seqNr).u8(message.reports.length)
      for (const { index, configDigest, reportHash, extraHash, signature } of message.reports) {
        writer.u8(index).fixed(configDigest, 32).fixed(reportHash, 32)
        writer.fixed(extraHash, 32).fixed(signature, 65)
      }
      break
    case 'outcome-request':
      writer
        .u32(message.epoch)
        .u8(message.started ? 1 : 0)
        .u64(message.seqNr)
      break
    case 'outcome-response':
      writeCertificate(writer, message.certificate, limits)
      break
  }
  return writer.finish()
}

/** Inverse of `encodeMessage`; throws `QuorumCodecError` for anything that it would not have produced. */
export function decodeMessage(bytes: Uint8Array, limits: QuorumLimits): Message {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== PROTOCOL_VERSION) {
    throw new QuorumCodecError('QUORUM_CODEC_VERSION', `protocol version ${version} is not spoken here`, {
      data: { version },
    })
  }
  const message = readBody(reader, reader.u8(), limits)
  reader.end()
  return message
}

function readBody(reader: ByteReader, kind: number, limits: QuorumLimits): Message {
  switch (kind) {
    case MESSAGE_KIND.wish:
      return { kind: 'wish', epoch: reader.u32() }
    case MESSAGE_KIND['epoch-start-request']:
      return {
        kind: 'epoch-start-request',
        epoch: reader.u32(),
        rank: readRank(reader),
        signature: reader.fixed(64),
        certificate: readOptional(reader, limits),
      }
    case MESSAGE_KIND['epoch-start']:
      return {
        kind: 'epoch-start',
        epoch: reader.u32(),
        certificate: readOptional(reader, limits),
        proofs: readList(reader, (oracle) => ({
          oracle,
          rank: readRank(reader),
          signature: reader.fixed(64),
        })),
      }
    case MESSAGE_KIND['round-start']:
      return {
        kind: 'round-start',
        epoch: reader.u32(),
        seqNr: reader.u64(),
        query: reader.bytes(limits.query),
        seal: reader.flag() ? reader.fixed(32) : null,
      }
    case MESSAGE_KIND.idle:
      return { kind: 'idle', epoch: reader.u32(), seqNr: reader.u64() }
    case MESSAGE_KIND.observation:
      return {
        kind: 'observation',
        epoch: reader.u32(),
        seqNr: reader.u64(),
        observation: reader.bytes(limits.observation),
        signature: reader.fixed(64),
      }
    case MESSAGE_KIND.proposal:
      return {
        kind: 'proposal',
        epoch: reader.u32(),
        seqNr: reader.u64(),
        query: reader.bytes(limits.query),
        observations: readList(reader, (oracle) => ({
          oracle,
          observation: reader.bytes(limits.observation),
          signature: reader.fixed(64),
        })),
        signature: reader.fixed(64),
      }
    case MESSAGE_KIND.prepare:
      return {
        kind: 'prepare',
        epoch: reader.u32(),
        seqNr: reader.u64(),
        inputsHash: reader.fixed(32),
        outcomeHash: reader.fixed(32),
        signature: reader.fixed(64),
        proposal: reader.flag() ? { signaturesHash: reader.fixed(32), signature: reader.fixed(64) } : null,
      }
    case MESSAGE_KIND.commit:
      return {
        kind: 'commit',
        epoch: reader.u32(),
        seqNr: reader.u64(),
        outcomeHash: reader.fixed(32),
        signature: reader.fixed(64),
      }
    case MESSAGE_KIND['report-signatures']:
      return { kind: 'report-signatures', seqNr: reader.u64(), reports: readReports(reader, limits) }
    case MESSAGE_KIND['outcome-request']:
      return { kind: 'outcome-request', epoch: reader.u32(), started: reader.flag(), seqNr: reader.u64() }
    case MESSAGE_KIND['outcome-response']:
      return { kind: 'outcome-response', certificate: readCertificate(reader, limits) }
    default:
      throw new QuorumCodecError('QUORUM_CODEC_KIND', `message kind ${kind} is unknown`, { data: { kind } })
  }
}

/** `u8 count` of items that begin with an oracle index, ascending. */
function readList<T>(reader: ByteReader, item: (oracle: number) => T): T[] {
  const count = reader.count(MAX_ORACLES)
  const out: T[] = []
  let previous = -1
  for (let i = 0; i < count; i++) {
    previous = readOracleAfter(reader, previous)
    out.push(item(previous))
  }
  return out
}

function readReports(reader: ByteReader, limits: QuorumLimits): ReportSignature[] {
  const count = reader.count(limits.reports)
  const out: ReportSignature[] = []
  for (let i = 0; i < count; i++) {
    const index = reader.count(limits.reports - 1)
    if (index <= (out.at(-1)?.index ?? -1)) {
      throw new QuorumCodecError('QUORUM_CODEC_NOT_CANONICAL', 'reports are not strictly ascending', {
        data: { index },
      })
    }
    const [configDigest, reportHash, extraHash] = [reader.fixed(32), reader.fixed(32), reader.fixed(32)]
    out.push({ index, configDigest, reportHash, extraHash, signature: reader.fixed(65) })
  }
  return out
}

function writeRank(writer: ByteWriter, rank: CertificateRank): void {
  writer
    .u64(rank.seqNr)
    .u8(rank.committed ? 1 : 0)
    .u32(rank.epoch)
}

function readRank(reader: ByteReader): CertificateRank {
  return { seqNr: reader.u64(), committed: reader.flag(), epoch: reader.u32() }
}

function writeOptional(writer: ByteWriter, certificate: Certificate | null, limits: QuorumLimits): void {
  writer.u8(certificate === null ? 0 : 1)
  if (certificate !== null) writeCertificate(writer, certificate, limits)
}

function readOptional(reader: ByteReader, limits: QuorumLimits): Certificate | null {
  return reader.flag() ? readCertificate(reader, limits) : null
}
