import { type Hex, keccak256, toRlp } from 'viem'
import type { WitnessedHeader } from '../ports/witness.ts'

type Fields = readonly (readonly [name: string, kind: 'bytes' | 'integer'])[]

const COMMON: Fields = [
  ['parentHash', 'bytes'],
  ['sha3Uncles', 'bytes'],
  ['miner', 'bytes'],
  ['stateRoot', 'bytes'],
  ['transactionsRoot', 'bytes'],
  ['receiptsRoot', 'bytes'],
  ['logsBloom', 'bytes'],
  ['difficulty', 'integer'],
  ['number', 'integer'],
  ['gasLimit', 'integer'],
  ['gasUsed', 'integer'],
  ['timestamp', 'integer'],
  ['extraData', 'bytes'],
  ['mixHash', 'bytes'],
  ['nonce', 'bytes'],
]
const BLOBS: Fields = [
  ['blobGasUsed', 'integer'],
  ['excessBlobGas', 'integer'],
  ['parentBeaconBlockRoot', 'bytes'],
]
/** EIP-1559, 4895, 4844 and 4788, 7685, 7928: each fork appends. */
const ETHEREUM: Fields = [
  ...COMMON,
  ['baseFeePerGas', 'integer'],
  ['withdrawalsRoot', 'bytes'],
  ...BLOBS,
  ['requestsHash', 'bytes'],
  ['blockAccessListHash', 'bytes'],
]
/** The C-Chain of Avalanche (coreth, `core/types/block.go`). */
const AVALANCHE: Fields = [
  ...COMMON,
  ['extDataHash', 'bytes'],
  ['baseFeePerGas', 'integer'],
  ['extDataGasUsed', 'integer'],
  ['blockGasCost', 'integer'],
  ...BLOBS,
  ['timestampMilliseconds', 'integer'],
  ['minDelayExcess', 'integer'],
]

/**
 * True when the header's own fields hash to its hash (Yellow Paper, section 4.4), in a form that is known. False says
 * only that this header proves nothing: the chain may have a form of its own.
 */
export function isHeaderProven({ hash, fields, ...told }: WitnessedHeader): boolean {
  const expected = hash.toLowerCase()
  if (fields.receiptsRoot !== told.receiptsRoot || fields.parentHash !== told.parentHash) return false
  if (fields.logsBloom !== told.logsBloom || BigInt(fields.number ?? '0x0') !== told.number) return false
  if (BigInt(fields.timestamp ?? '0x0') !== BigInt(told.timestamp)) return false
  return [ETHEREUM, AVALANCHE].some((form) => hashOf(form, fields) === expected)
}

function hashOf(form: Fields, fields: Readonly<Record<string, Hex>>): Hex | null {
  const present = form.filter(([name]) => fields[name] !== undefined)
  if (COMMON.some(([name]) => fields[name] === undefined)) return null
  return keccak256(
    toRlp(present.map(([name, kind]) => (kind === 'bytes' ? (fields[name] ?? '0x') : integer(fields[name])))),
  )
}

/** An integer as RLP has it: big-endian, no leading zero, nothing for zero (Yellow Paper, appendix B). */
export function integer(value: Hex | undefined): Hex {
  const digits = BigInt(value ?? '0x0').toString(16)
  return digits === '0' ? '0x' : `0x${digits.length % 2 === 0 ? '' : '0'}${digits}`
}
