import { bytesToHex, concatHex, encodeAbiParameters, type Hex, keccak256, numberToHex, padHex } from 'viem'
import type { Address } from '../ports/chain.ts'
import type { ContractRef, Report } from '../ports/quorum.ts'

/** The fields of an OCR2 `ConfigSet`, with the contract that they are for. */
export interface ConfigFields {
  readonly contract: ContractRef
  readonly configCount: bigint
  readonly signers: readonly Address[]
  readonly transmitters: readonly Address[]
  readonly f: number
  readonly onchainConfig: Hex
  readonly offchainConfigVersion: bigint
  readonly offchainConfig: Hex
}

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

/** OCR2's three context words; as OCR3 on EVM, the epoch is the low 32 bits of the sequence number, the round is 0. */
export function reportContext(digest: Hex, seqNr: bigint, extraHash: Hex): readonly [Hex, Hex, Hex] {
  const epochAndRound = (seqNr & 0xffffffffn) << 8n
  return [digest, padHex(numberToHex(epochAndRound), { size: 32 }), extraHash]
}

/** The 32 bytes that are signed: `keccak256(keccak256(report) || ctx[0] || ctx[1] || ctx[2])`, no prefix. */
export function reportDigest(payload: Uint8Array, context: readonly [Hex, Hex, Hex]): Hex {
  return keccak256(concatHex([keccak256(payload), ...context]))
}

/** A report with what follows from its place: context and digest. */
export interface PlacedReport {
  readonly report: Report
  readonly context: readonly [Hex, Hex, Hex]
  readonly digest: Hex
}

export function placeReport(digest: Hex, seqNr: bigint, report: Report): PlacedReport {
  const context = reportContext(digest, seqNr, report.extraHash)
  return { report, context, digest: reportDigest(report.payload, context) }
}

/** Bytes as hex; here so that callers need not know viem. */
export const toHex = (bytes: Uint8Array): Hex => bytesToHex(bytes)
