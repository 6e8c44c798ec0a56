import {
  type Address,
  concatHex,
  encodeAbiParameters,
  type Hex,
  hexToBigInt,
  keccak256,
  numberToHex,
  padHex,
  parseAbiParameters,
  toHex,
} from 'viem'
import { generatePrivateKey, privateKeyToAddress, sign } from 'viem/accounts'

/** What an OCR2 configuration digest is computed from. */
export interface OracleSetConfig {
  readonly signers: readonly Address[]
  readonly transmitters: readonly Address[]
  readonly f: number
  readonly onchainConfig: Hex
  readonly offchainConfigVersion: bigint
  readonly offchainConfig: Hex
}

/** Where and as which configuration of a contract. */
export interface DigestPlace {
  readonly chainId: number
  readonly contract: Address
  readonly configCount: bigint
}

/** One raw secp256k1 signature; `v` is the recovery bit. */
export interface RawSignature {
  readonly r: Hex
  readonly s: Hex
  readonly v: number
}

/** The arguments of `transmit`. */
export type TransmitArgs = readonly [
  context: readonly [Hex, Hex, Hex],
  report: Hex,
  rs: readonly Hex[],
  ss: readonly Hex[],
  rawVs: Hex,
]

/** The three context words of a report. */
export type ReportContext = readonly [configDigest: Hex, epochAndRound: Hex, extraHash: Hex]

const DIGEST_FIELDS = parseAbiParameters(
  'uint256, address, uint64, address[], address[], uint8, bytes, uint64, bytes',
)
const ONCHAIN_CONFIG_FIELDS = parseAbiParameters('uint8, int192, int192, uint32, bytes32')
const REPORT_FIELDS = parseAbiParameters('uint32, int192, bytes32, bytes32')

/** 32 zero bytes. */
export const ZERO_WORD = padHex('0x', { size: 32 })

/** Order of the curve (SEC 2, section 2.4.1). */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** The digest that binds reports to one configuration of one contract on one chain. */
export function configDigest(place: DigestPlace, set: OracleSetConfig): Hex {
  const hash = keccak256(
    encodeAbiParameters(DIGEST_FIELDS, [
      BigInt(place.chainId),
      place.contract,
      place.configCount,
      set.signers,
      set.transmitters,
      set.f,
      set.onchainConfig,
      set.offchainConfigVersion,
      set.offchainConfig,
    ]),
  )
  return concatHex(['0x0001', `0x${hash.slice(6)}`])
}

/** A feed's on-chain configuration, version 1. */
export function encodeOnchainConfig(options: {
  readonly version?: number
  readonly min: bigint
  readonly max: bigint
  readonly heartbeatSeconds: number
  readonly modelDigest: Hex
}): Hex {
  const { version = 1, min, max, heartbeatSeconds, modelDigest } = options
  return encodeAbiParameters(ONCHAIN_CONFIG_FIELDS, [version, min, max, heartbeatSeconds, modelDigest])
}

/** A feed's report. */
export function encodeReport(options: {
  readonly observationsTimestamp: number
  readonly answer: bigint
  readonly evidenceDigest: Hex
  readonly modelDigest: Hex
}): Hex {
  const { observationsTimestamp, answer, evidenceDigest, modelDigest } = options
  return encodeAbiParameters(REPORT_FIELDS, [observationsTimestamp, answer, evidenceDigest, modelDigest])
}

/** Second context word: 27 zero bytes, uint32 epoch, uint8 round. */
export function epochAndRound(epoch: number, round: number): Hex {
  return numberToHex((BigInt(epoch) << 8n) | BigInt(round), { size: 32 })
}

/** What the oracles sign, without any prefix. */
export function reportHash(context: ReportContext, report: Hex): Hex {
  return keccak256(concatHex([keccak256(report), ...context]))
}

/** Raw ECDSA over the hash, s in the lower half. */
export async function signHash(privateKey: Hex, hash: Hex): Promise<RawSignature> {
  const { r, s, yParity } = await sign({ hash, privateKey, to: 'object' })
  return { r: padHex(r, { size: 32 }), s: padHex(s, { size: 32 }), v: Number(yParity) }
}

/** The other signature that the same key and hash have: n - s with the opposite recovery bit. */
export function malleate(signature: RawSignature): RawSignature {
  const s = numberToHex(CURVE_ORDER - hexToBigInt(signature.s), { size: 32 })
  return { r: signature.r, s, v: 1 - signature.v }
}

/** One byte for each signature, the rest zero. */
export function packRecoveryBytes(values: readonly number[]): Hex {
  const word = new Uint8Array(32)
  word.set(values)
  return toHex(word)
}

/** Puts signatures, in the order given, into the arguments of `transmit`. */
export function transmitArgs(
  context: ReportContext,
  report: Hex,
  signatures: readonly RawSignature[],
): TransmitArgs {
  return [
    context,
    report,
    signatures.map(({ r }) => r),
    signatures.map(({ s }) => s),
    packRecoveryBytes(signatures.map(({ v }) => v)),
  ]
}

/** A signing key and its address. */
export interface OracleKey {
  readonly privateKey: Hex
  readonly address: Address
}

/** `count` fresh signing keys. */
export function newOracleKeys(count: number): readonly OracleKey[] {
  return Array.from({ length: count }, () => {
    const privateKey = generatePrivateKey()
    return { privateKey, address: privateKeyToAddress(privateKey) }
  })
}
