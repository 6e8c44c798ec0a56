import { BaseError, decodeErrorResult, parseAbi } from 'viem'
import type { Hex } from '../../ports/chain.ts'

const STANDARD = parseAbi(['error Error(string)', 'error Panic(uint256)'])

/** Revert data in words: the text of `Error`, the code of `Panic`, or the selector of a custom error. */
export function revertReason(data: Hex): string {
  if (data === '0x') return 'no reason given'
  try {
    const { errorName, args } = decodeErrorResult({ abi: STANDARD, data })
    return errorName === 'Error' ? String(args[0]) : `panic 0x${args[0].toString(16)}`
  } catch (error) {
    if (error instanceof BaseError) return `custom error ${data.slice(0, 10)}`
    throw error
  }
}
