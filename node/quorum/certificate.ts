import { ByteReader, ByteWriter } from './bytes.ts'
import { QuorumCodecError } from './errors.ts'
import { MAX_ORACLES, type QuorumLimits } from './limits.ts'
import { type CertificateRank, commitSignedBytes, prepareSignedBytes, sha256 } from './signed-bytes.ts'

export interface OracleSignature {
  readonly oracle: number
  /** ed25519, 64 bytes. */
  readonly signature: Uint8Array
}

/** Q signatures over one outcome. Holds the outcome itself, so whoever has the certificate can go on from it. */
export interface Certificate {
  readonly kind: 'prepare' | 'commit'
  readonly epoch: number
  readonly seqNr: bigint
  /** Of a prepare; 32 zero bytes in a commit. */
  readonly inputsHash: Uint8Array
  readonly outcome: Uint8Array
  /** Ascending by oracle. */
  readonly signatures: readonly OracleSignature[]
}

export const NO_HASH: Uint8Array = new Uint8Array(32)
export const GENESIS_RANK: CertificateRank = { seqNr: 0n, committed: false, epoch: 0 }

/** Byzantine quorum: any two of this size share an honest validator. */
export function quorumSize(n: number, f: number): number {
  return Math.floor((n + f) / 2) + 1
}

export function rankOf(certificate: Certificate | null): CertificateRank {
  if (certificate === null) return GENESIS_RANK
  return { seqNr: certificate.seqNr, committed: certificate.kind === 'commit', epoch: certificate.epoch }
}

/** Negative, zero or positive, by sequence number, then commit above prepare, then epoch. */
export function compareRank(a: CertificateRank, b: CertificateRank): number {
  if (a.seqNr !== b.seqNr) return a.seqNr < b.seqNr ? -1 : 1
  if (a.committed !== b.committed) return a.committed ? 1 : -1
  return a.epoch - b.epoch
}

/** Signatures of distinct oracles, ascending: `u8 count` of `u8 oracle || 64 bytes`. */
export function writeSignatures(writer: ByteWriter, signatures: readonly OracleSignature[]): void {
  writer.u8(signatures.length)
  for (const { oracle, signature } of signatures) writer.u8(oracle).fixed(signature, 64)
}

export function readSignatures(reader: ByteReader): OracleSignature[] {
  const count = reader.count(MAX_ORACLES)
  const out: OracleSignature[] = []
  let previous = -1
  for (let i = 0; i < count; i++) {
    const oracle = readOracleAfter(reader, previous)
    out.push({ oracle, signature: reader.fixed(64) })
    previous = oracle
  }
  return out
}

/** An oracle index above `previous`: lists are ascending and without doubles, or not canonical. */
export function readOracleAfter(reader: ByteReader, previous: number): number {
  const oracle = reader.count(MAX_ORACLES - 1)
  if (oracle <= previous) {
    throw new QuorumCodecError('QUORUM_CODEC_NOT_CANONICAL', 'oracles are not strictly ascending', {
      data: { oracle, previous },
    })
  }
  return oracle
}

export function writeCertificate(writer: ByteWriter, certificate: Certificate, limits: QuorumLimits): void {
  writer
    .u8(certificate.kind === 'commit' ? 1 : 0)
    .u32(certificate.epoch)
    .u64(certificate.seqNr)
    .fixed(certificate.inputsHash, 32)
    .bytes(certificate.outcome, limits.outcome)
  writeSignatures(writer, certificate.signatures)
}

export function readCertificate(reader: ByteReader, limits: QuorumLimits): Certificate {
  const kind = reader.flag() ? 'commit' : 'prepare'
  const epoch = reader.u32()
  const seqNr = reader.u64()
  const inputs = reader.fixed(32)
  if (kind === 'commit' && inputs.some((byte) => byte !== 0)) {
    throw new QuorumCodecError('QUORUM_CODEC_NOT_CANONICAL', 'a commit certificate names no inputs', {
      data: {},
    })
  }
  if (seqNr === 0n || epoch === 0) {
    throw new QuorumCodecError('QUORUM_CODEC_NOT_CANONICAL', 'epochs and sequence numbers count from 1', {
      data: {},
    })
  }
  const outcome = reader.bytes(limits.outcome)
  return { kind, epoch, seqNr, inputsHash: inputs, outcome, signatures: readSignatures(reader) }
}

export function encodeCertificate(certificate: Certificate, limits: QuorumLimits): Uint8Array {
  const writer = new ByteWriter()
  writeCertificate(writer, certificate, limits)
  return writer.finish()
}

export function decodeCertificate(bytes: Uint8Array, limits: QuorumLimits): Certificate {
  const reader = new ByteReader(bytes)
  const certificate = readCertificate(reader, limits)
  reader.end()
  return certificate
}

/** What each signature of a certificate is over. */
export function certificateSignedBytes(digest: Uint8Array, certificate: Certificate): Uint8Array {
  const outcomeHash = sha256(certificate.outcome)
  const at = { digest, epoch: certificate.epoch, seqNr: certificate.seqNr }
  return certificate.kind === 'commit'
    ? commitSignedBytes(at, outcomeHash)
    : prepareSignedBytes(at, certificate.inputsHash, outcomeHash)
}

/** True when at least Q distinct members signed it, and every signature it holds is valid. */
export function verifyCertificate(
  certificate: Certificate,
  options: {
    readonly digest: Uint8Array
    readonly n: number
    readonly f: number
    readonly verify: (oracle: number, message: Uint8Array, signature: Uint8Array) => boolean
  },
): boolean {
  const { signatures } = certificate
  if (signatures.length < quorumSize(options.n, options.f)) return false
  if (signatures.some(({ oracle }) => oracle >= options.n)) return false
  const message = certificateSignedBytes(options.digest, certificate)
  return signatures.every(({ oracle, signature }) => options.verify(oracle, message, signature))
}
