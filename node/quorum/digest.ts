import { concatHex, encodeAbiParameters, type Hex, isHex, keccak256, numberToHex, padHex, size } from 'viem'
import type { ConfigFields, Report } from '../ports/quorum.ts'
import { QuorumError } from './errors.ts'

const CONFIG_TYPES = [
  { type: 'uint256' },
  { type: 'address' },
  { type: 'uint64' },
  { type: 'address[]' },
  { type: 'address[]' },
  { type: 'uint8' },
  { type: 'bytes' },
  { type: 'uint64' },
  { type: 'bytes' },
] as const

/** `0x0001 || low 240 bits of keccak256(abi.encode(...))`, as OCR2Abstract's `_configDigestFromConfigData`. */
export function configDigest(fields: ConfigFields): Hex {
  const encoded = encodeAbiParameters(CONFIG_TYPES, [
    BigInt(fields.contract.chainId),
    fields.contract.address,
    fields.configCount,
    fields.signers,
    fields.transmitters,
    fields.f,
    fields.onchainConfig,
    fields.offchainConfigVersion,
    fields.offchainConfig,
  ])
  return concatHex(['0x0001', `0x${keccak256(encoded).slice(6)}`])
}

/**
 * OCR2's three context words. The epoch is the low 32 bits of the sequence number, as OCR3 on EVM; the round is the
 * report's index, which is OCR3's 0 for the first one: so no two reports of a validator share a place.
 */
export function reportContext(
  digest: Hex,
  seqNr: bigint,
  index: number,
  extraHash: Hex,
): readonly [Hex, Hex, Hex] {
  const epochAndRound = ((seqNr & 0xffffffffn) << 8n) | BigInt(index)
  return [digest, padHex(numberToHex(epochAndRound), { size: 32 }), extraHash]
}

/** The 32 bytes that are signed: `keccak256(keccak256(report) || ctx[0] || ctx[1] || ctx[2])`, no prefix. */
export function reportDigest(payload: Uint8Array, context: readonly [Hex, Hex, Hex]): Hex {
  return keccak256(reportStatement(keccak256(payload), context))
}

/** What a report's signature is over, before it is hashed: 128 bytes. */
export function reportStatement(reportHash: Hex, context: readonly [Hex, Hex, Hex]): Hex {
  return concatHex([reportHash, ...context])
}

/** A report with what follows from its place: context and digest. */
export interface PlacedReport {
  readonly index: number
  readonly report: Report
  readonly context: readonly [Hex, Hex, Hex]
  /** keccak256 of the payload. */
  readonly reportHash: Hex
  readonly digest: Hex
}

/**
 * `digest` is that of the configuration of the report's own contract. Throws `QUORUM_BAD_REPORT`: what a plugin makes is
 * looked at before it is signed.
 */
export function placeReport(digest: Hex, seqNr: bigint, index: number, report: Report): PlacedReport {
  if (!isHex(report.extraHash, { strict: true }) || size(report.extraHash) !== 32)
    throw new QuorumError('QUORUM_BAD_REPORT', 'the extraHash of a report has 32 bytes', {
      data: { seqNr, index },
    })
  const context = reportContext(digest, seqNr, index, report.extraHash)
  const reportHash = keccak256(report.payload)
  return { index, report, context, reportHash, digest: keccak256(reportStatement(reportHash, context)) }
}
