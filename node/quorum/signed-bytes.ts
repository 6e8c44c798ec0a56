import { hash } from 'node:crypto'
import { ByteWriter } from './bytes.ts'

/** First bytes of everything a consensus key signs: no other protocol's message starts so. */
const DOMAIN = new TextEncoder().encode('iyi-quorum')
export const PROTOCOL_VERSION = 1

/** What a consensus-key signature is for; a byte of the signed string, so that none can pass as another. */
export const SIGNED_KIND = {
  observation: 1,
  prepare: 2,
  commit: 3,
  'epoch-start': 4,
  inputs: 5,
  proposal: 6,
} as const
type SignedKind = keyof typeof SIGNED_KIND
const SIGNED_KINDS = Object.keys(SIGNED_KIND) as SignedKind[]

/** Bytes that place a signature: two signed strings with the same ones are for one slot. */
export const PREFIX_BYTES = 56

/** SHA-256 (FIPS 180-4). */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}

/** Where a signature belongs. */
export interface SignedPosition {
  /** 32 bytes. */
  readonly digest: Uint8Array
  readonly epoch: number
  readonly seqNr: bigint
}

/** `"iyi-quorum" || u8 version || u8 kind || bytes32 configDigest || u32 epoch || u64 seqNr`: 56 bytes. */
function prefix(kind: SignedKind, at: SignedPosition): ByteWriter {
  return new ByteWriter()
    .fixed(DOMAIN, DOMAIN.length)
    .u8(PROTOCOL_VERSION)
    .u8(SIGNED_KIND[kind])
    .fixed(at.digest, 32)
    .u32(at.epoch)
    .u64(at.seqNr)
}

/** Reads the prefix of a signed string; null when it is none of this protocol. */
export function parsePrefix(bytes: Uint8Array): (SignedPosition & { readonly kind: SignedKind }) | null {
  if (bytes.length < PREFIX_BYTES || DOMAIN.some((byte, i) => bytes[i] !== byte)) return null
  if (bytes[DOMAIN.length] !== PROTOCOL_VERSION) return null
  const kind = SIGNED_KINDS.find((name) => SIGNED_KIND[name] === bytes[DOMAIN.length + 1])
  if (kind === undefined) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const digestAt = DOMAIN.length + 2
  return {
    kind,
    digest: bytes.subarray(digestAt, digestAt + 32),
    epoch: view.getUint32(digestAt + 32),
    seqNr: view.getBigUint64(digestAt + 36),
  }
}

/** Prefix, then `sha256(query) || sha256(observation)`. Binds an observation to the query it answers. */
export function observationSignedBytes(
  at: SignedPosition,
  query: Uint8Array,
  observation: Uint8Array,
): Uint8Array {
  return prefix('observation', at).fixed(sha256(query), 32).fixed(sha256(observation), 32).finish()
}

/**
 * What binds a leader to its own observation before it is shown: `sha256(sha256(signed bytes) || signature)`. The signature is
 * nobody else's to make, so that an observation of few possible values can't be guessed from it.
 */
export function observationSeal(signedBytes: Uint8Array, signature: Uint8Array): Uint8Array {
  return sha256(new ByteWriter().fixed(sha256(signedBytes), 32).fixed(signature, 64).finish())
}

/**
 * Prefix, then `inputsHash || signaturesHash`: a leader's word that these are the inputs of its proposal, under these
 * signatures of the observers.
 */
export function proposalSignedBytes(
  at: SignedPosition,
  inputs: Uint8Array,
  signaturesHash: Uint8Array,
): Uint8Array {
  return prefix('proposal', at).fixed(inputs, 32).fixed(signaturesHash, 32).finish()
}

/** What `signaturesHash` is the SHA-256 of: `u8 count` of `u8 oracle || 64 bytes`. */
export function signatureListBytes(
  observations: readonly { readonly oracle: number; readonly signature: Uint8Array }[],
): Uint8Array {
  const writer = new ByteWriter().u8(observations.length)
  for (const { oracle, signature } of observations) writer.u8(oracle).fixed(signature, 64)
  return writer.finish()
}

/** Prefix, then `inputsHash || outcomeHash`. */
export function prepareSignedBytes(
  at: SignedPosition,
  inputsHash: Uint8Array,
  outcomeHash: Uint8Array,
): Uint8Array {
  return prefix('prepare', at).fixed(inputsHash, 32).fixed(outcomeHash, 32).finish()
}

/** Prefix, then `outcomeHash`. */
export function commitSignedBytes(at: SignedPosition, outcomeHash: Uint8Array): Uint8Array {
  return prefix('commit', at).fixed(outcomeHash, 32).finish()
}

/** How far a validator had got: orders certificates. A commit outranks every prepare of its sequence number. */
export interface CertificateRank {
  /** 0 when there is no certificate yet. */
  readonly seqNr: bigint
  readonly committed: boolean
  readonly epoch: number
}

/** Prefix with sequence number 0, then `u64 seqNr || u8 committed || u32 epoch` of the highest certificate. */
export function epochStartSignedBytes(digest: Uint8Array, epoch: number, rank: CertificateRank): Uint8Array {
  return prefix('epoch-start', { digest, epoch, seqNr: 0n })
    .u64(rank.seqNr)
    .u8(rank.committed ? 1 : 0)
    .u32(rank.epoch)
    .finish()
}

/** SHA-256 of `inputsBytes`: what an outcome was computed from. */
export function inputsHash(...inputs: Parameters<typeof inputsBytes>): Uint8Array {
  return sha256(inputsBytes(...inputs))
}

/**
 * The prefix with kind `inputs`, then `sha256(query)`, a flag and the hash of the previous outcome, and `u8 count` of
 * `u8 oracle || sha256(observation)`. Signatures stay out: a second valid signature for the same observation must not
 * make other inputs of it.
 */
export function inputsBytes(
  at: SignedPosition,
  query: Uint8Array,
  previous: Uint8Array | null,
  observations: readonly { readonly oracle: number; readonly observation: Uint8Array }[],
): Uint8Array {
  const writer = prefix('inputs', at)
    .fixed(sha256(query), 32)
    .u8(previous === null ? 0 : 1)
    .fixed(previous === null ? new Uint8Array(32) : sha256(previous), 32)
    .u8(observations.length)
  for (const { oracle, observation } of observations) writer.u8(oracle).fixed(sha256(observation), 32)
  return writer.finish()
}
