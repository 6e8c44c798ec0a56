import { bytesToHex, concatHex, encodeFunctionData, type Hex, numberToHex, padHex } from 'viem'
import type { AttestedReport } from '../ports/quorum.ts'
import { OCR2_ABI } from './config.ts'

/**
 * Calldata of OCR2's `transmit(bytes32[3],bytes,bytes32[],bytes32[],bytes32)`: signatures in the order of the report
 * (ascending by oracle), byte i of `rawVs` is v (0 or 1) of signature i.
 */
export function transmitData(attested: AttestedReport): Hex {
  const { report, context, signatures } = attested
  const rs = signatures.map(({ signature }) => bytesToHex(signature.subarray(0, 32)))
  const ss = signatures.map(({ signature }) => bytesToHex(signature.subarray(32, 64)))
  const vs = signatures.map(({ signature }) => numberToHex(signature[64] ?? 0, { size: 1 }))
  const rawVs = padHex(concatHex(vs), { size: 32, dir: 'right' })
  return encodeFunctionData({
    abi: OCR2_ABI,
    functionName: 'transmit',
    args: [context, bytesToHex(report.payload), rs, ss, rawVs],
  })
}
